"""A small writer of PDF: text and rules on A4 pages, in every script of Europe and of China, Japan and Korea.

Fonts are not embedded: Helvetica is one of the fourteen that every reader has, and the predefined CMaps of CJK are part
of PDF 1.5 (ISO 32000-1, 9.6.2.2 and 9.7.5.2); a reader puts its own face in their place. That makes a page of 2 kB out
of no library and no font file. What none of them has is shown by its base letter, or as `?`.
"""

from __future__ import annotations

import unicodedata
import zlib
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WIDTH: Final = 595
HEIGHT: Final = 842
MARGIN: Final = 50
_MARKS: Final = {
    "ACUTE": "acute",
    "BREVE": "breve",
    "CARON": "caron",
    "CEDILLA": "commaaccent",
    "COMMA BELOW": "commaaccent",
    "DOT ABOVE": "dotaccent",
    "DOUBLE ACUTE": "hungarumlaut",
    "MACRON": "macron",
    "OGONEK": "ogonek",
    "RING ABOVE": "ring",
}
_ODD: Final = {
    "Đ": "Dcroat",
    "đ": "dcroat",
    "Ł": "Lslash",
    "ł": "lslash",
    "ı": "dotlessi",
    "Ş": "Scedilla",
    "ş": "scedilla",
}
_FIRST: Final = 128
_DIGIT: Final = 0.556
"""Of Helvetica, in ems: digits and minus are wider than the marks between them."""
_NARROW: Final = 0.278
_MINUS: Final = 0.333
_CJK: Final = (
    ("FJ", "HeiseiKakuGo-W5", "UniJIS-UTF16-H", "Japan1", 4),
    ("FK", "HYGoThic-Medium", "UniKS-UTF16-H", "Korea1", 1),
    ("FG", "STSong-Light", "UniGB-UTF16-H", "GB1", 4),
    ("FC", "MSung-Light", "UniCNS-UTF16-H", "CNS1", 3),
)
_HANGUL: Final = "HANGUL"


class Text(NamedTuple):
    """A line of text. `x` is where it begins; of a number, to the `right`, where it ends. From the foot of the page."""

    x: float
    y: float
    text: str
    size: float = 9
    bold: bool = False
    right: bool = False


class Rule(NamedTuple):
    """A thin line from margin to margin."""

    y: float


def document(pages: Iterable[Iterable[Text | Rule]], title: str) -> bytes:
    """The file. The same pages give the same bytes."""
    contents = [_content(page) for page in pages]
    fonts = _fonts()
    objects: list[bytes] = []
    first_font = 4
    names = []
    for name, *parts in fonts:
        names.append(f"/{name} {first_font + len(objects)} 0 R")
        base = first_font + len(objects)
        objects += [part.replace("@1", str(base + 1)).replace("@2", str(base + 2)).encode("ascii") for part in parts]
    first_page = first_font + len(objects)
    kids = " ".join(f"{first_page + 2 * number} 0 R" for number in range(len(contents)))
    head = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} /MediaBox [0 0 {WIDTH} {HEIGHT}] "
        f"/Resources << /Font << {' '.join(names)} >> >> >>".encode("ascii"),
        b"<< /Title <" + (b"\xfe\xff" + title.encode("utf-16-be")).hex().encode("ascii") + b"> >>",
    ]
    for number, content in enumerate(contents):
        page = f"<< /Type /Page /Parent 2 0 R /Contents {first_page + 2 * number + 1} 0 R >>"
        packed = zlib.compress(content, 9)
        stream = f"<< /Length {len(packed)} /Filter /FlateDecode >>\nstream\n".encode("ascii") + packed + b"\nendstream"
        objects += [page.encode("ascii"), stream]
    return _file([*head, *objects])


def _file(objects: list[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, each in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode("ascii") + each + b"\nendobj\n"
    table = len(out)
    rows = "".join(f"{place:010d} 00000 n \n" for place in places)
    count = len(objects) + 1
    out += f"xref\n0 {count}\n0000000000 65535 f \n{rows}".encode("ascii")
    out += f"trailer\n<< /Size {count} /Root 1 0 R /Info 3 0 R >>\nstartxref\n{table}\n%%EOF\n".encode("ascii")
    return bytes(out)


def _fonts() -> Iterator[tuple[str, ...]]:
    """(name, its objects): `@1` and `@2` stand for the objects behind its first."""
    more = " ".join(f"/{glyph}" for glyph in _central().values())
    for weight, base in (("", "Helvetica"), ("B", "Helvetica-Bold")):
        head = f"<< /Type /Font /Subtype /Type1 /BaseFont /{base} /Encoding"
        yield f"F{weight}", f"{head} /WinAnsiEncoding >>"
        coded = f"<< /Type /Encoding /BaseEncoding /WinAnsiEncoding /Differences [{_FIRST} {more}] >>"
        yield f"F2{weight}", f"{head} {coded} >>"
    for name, base, cmap, ordering, supplement in _CJK:
        system = f"<< /Registry (Adobe) /Ordering ({ordering}) /Supplement {supplement} >>"
        yield (
            name,
            f"<< /Type /Font /Subtype /Type0 /BaseFont /{base}-{cmap} /Encoding /{cmap} /DescendantFonts [@1 0 R] >>",
            (
                f"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /{base} /CIDSystemInfo {system} /DW 1000 "
                "/FontDescriptor @2 0 R >>"
            ),
            (
                f"<< /Type /FontDescriptor /FontName /{base} /Flags 4 /FontBBox [-92 -250 1010 922] /ItalicAngle 0 "
                "/Ascent 752 /Descent -221 /CapHeight 737 /StemV 114 >>"
            ),
        )


@cache
def _central() -> dict[str, str]:
    """Letters of Latin that Windows-1252 does not have and Helvetica has, to the glyph's name."""
    found = dict(_ODD)
    for code in (*range(0x100, 0x180), *range(0x218, 0x21C)):
        letter = chr(code)
        name, _, mark = unicodedata.name(letter).partition(" WITH ")
        glyph = _MARKS.get(mark)
        if glyph and len(name.rpartition(" ")[2]) == 1 and letter not in found and not _in(letter, "cp1252"):
            base = name.rpartition(" ")[2]
            found[letter] = f"{base if 'CAPITAL' in name else base.lower()}{glyph}"
    return dict(list(found.items())[: 256 - _FIRST])


def _content(page: Iterable[Text | Rule]) -> bytes:
    out: list[str] = []
    for each in page:
        if isinstance(each, Rule):
            out.append(f"0.5 w {MARGIN} {each.y:g} m {WIDTH - MARGIN} {each.y:g} l S")
            continue
        x = each.x - _number_width(each.text, each.size) if each.right else each.x
        out.append(f"BT {x:g} {each.y:g} Td")
        for font, coded in _runs(each.text, "B" if each.bold else ""):
            out.append(f"/{font} {each.size:g} Tf <{coded.hex()}> Tj")
        out.append("ET")
    return "\n".join(out).encode("ascii")


def _runs(text: str, weight: str) -> list[tuple[str, bytes]]:
    """(font, coded text) of stretches that one font shows."""
    runs: list[tuple[str, bytes]] = []
    for letter in unicodedata.normalize("NFC", text):
        for font, coded in _shown(letter, weight):
            if runs and runs[-1][0] == font:
                runs[-1] = (font, runs[-1][1] + coded)
            else:
                runs.append((font, coded))
    return runs


def _shown(letter: str, weight: str) -> list[tuple[str, bytes]]:
    """How one character is shown; nothing of what is no character."""
    if unicodedata.category(letter)[0] == "C":
        return []
    if _in(letter, "cp1252"):
        return [(f"F{weight}", letter.encode("cp1252"))]
    central = _central()
    if letter in central:
        return [(f"F2{weight}", bytes([_FIRST + list(central).index(letter)]))]
    if unicodedata.name(letter, "").startswith(_HANGUL):
        return [("FK", letter.encode("utf-16-be"))]
    for font, codec in (("FJ", "euc_jis_2004"), ("FG", "gbk"), ("FC", "big5hkscs")):
        if _in(letter, codec):
            return [(font, letter.encode("utf-16-be"))]
    plain = "".join(each for each in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(each))
    return _shown(plain[0], weight) if plain and plain != letter else [(f"F{weight}", b"?")]


def _in(letter: str, codec: str) -> bool:
    try:
        letter.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def _number_width(text: str, size: float) -> float:
    widths = {".": _NARROW, ",": _NARROW, " ": _NARROW, "-": _MINUS}
    return sum(widths.get(each, _DIGIT) for each in text) * size


def columns(text: str) -> int:
    """How wide the text is, in letters: those of East Asia count twice."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


def fitting(text: str, most: int) -> str:
    """As much of it as fits into so many columns."""
    if columns(text) <= most:
        return text
    while text and columns(text) > most - 1:
        text = text[:-1]
    return f"{text}…"

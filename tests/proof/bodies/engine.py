"""`python -m tests.proof.bodies.engine BODIES SALT FOLDER`: what `guided` starts in a process of its own.

Nothing of ours is imported before atheris watches it. An input is the number of its seed in two bytes, and a body.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from random import Random
from typing import Final

_MOST: Final = 200_000
"""Bytes of one body."""
_WATCHED: Final = ["oms.channels", "oms.carriers", "oms.payments", "oms.domain"]


def main(bodies: int, salt: str, folder: Path) -> None:
    """Fuzz; the tally is in `tally.json` of the folder when so many bodies were read, and the process ends."""
    import atheris

    with atheris.instrument_imports(include=_WATCHED):
        from tests.proof.bodies.corpus import seeds
        from tests.proof.bodies.mutate import damaged
        from tests.proof.bodies.run import Tally, counted
    whole, tally = seeds(), Tally()

    def one(data: bytes) -> None:
        counted(tally, whole[int.from_bytes(data[:2], "big") % len(whole)], data[2:])
        if sum(tally.kinds.values()) >= bodies:
            document = {**vars(tally), "endings": sorted(tally.endings)}
            (folder / "tally.json").write_text(json.dumps(document), encoding="utf-8")
            os._exit(0)

    def mutated(data: bytes, most: int, number: int) -> bytes:
        return data[:2] + damaged(data[2:most], Random(f"{salt}.{number}"))[: most - 2]

    corpus = folder / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(whole):
        (corpus / str(number)).write_bytes(number.to_bytes(2, "big") + seed.body)
    seeded = int.from_bytes(salt.encode()[:4], "big") or 1
    options = [f"-seed={seeded}", f"-max_len={_MOST}", "-verbosity=0", "-timeout=60"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))

"""What the oracle knows of edits. Like all of it, worked out from the commands, and sharing no code with the system.

An edit that makes an order dearer is not paid by what was given back before: that was too much by then, and is set
apart. Money that was taken for the whole order pays for units as they leave, what is dearer since by what is held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.proof.money.disputed import free

if TYPE_CHECKING:
    from tests.proof.money.oracle import Back, Goods, Oracle


def set_apart(books: Oracle) -> int:
    """Of what went back or may still, what is not to be paid with."""
    return min(books.settled, books.going_back())


def overpaid(books: Oracle) -> int:
    """Beyond what is to be paid."""
    return max(0, books.captured - set_apart(books) - books.owed())


def beyond(books: Oracle) -> int:
    """Taken beyond what was, or is, to be paid."""
    return set_apart(books) + overpaid(books)


def overpaid_back(books: Oracle) -> int:
    """What gave back an overpayment."""
    apart = set_apart(books)
    return apart + min(books.going_back() - apart, overpaid(books))


def uncovered(books: Oracle) -> int:
    """What more has to be held."""
    return max(0, books.owed() - max(books.authorized, books.captured) + set_apart(books))


def raised(books: Oracle) -> bool:
    """More is held than was taken."""
    return books.edited and books.authorized > books.captured


def paid_whole(books: Oracle) -> int:
    """Of what was taken for the whole order, what pays for units."""
    return max(0, books.captured - books.taken_apart - set_apart(books)) if books.upfront else 0


def edit(
    books: Oracle, added: dict[str, Goods], removed: dict[str, int], shipping: int | None, *, included: bool
) -> Back | None:
    """Lines come in, units are taken off, shipping costs something else; what goes back for it."""
    from tests.proof.money.oracle import Back  # it is made of this

    owed, over, back = books.owed(), beyond(books), overpaid_back(books)
    books.goods.update(added)
    for line_id, count in removed.items():
        books.goods[line_id].cancelled += count
    if shipping is not None:
        tax = shipping // 5
        was = books.header_taxes.get("shipping", 0)
        books.header["shipping"] = shipping - tax if included else shipping
        books.header["tax"] += tax - was
        books.header_taxes["shipping"] = tax
    books.edited = True
    if books.owed() > owed:
        books.settled = back
    amount = min(beyond(books) - over, free(books)) if books.upfront else 0
    made = Back(amount=amount, taken={}) if amount > 0 else None
    if made:
        books.backs.append(made)
    books.return_taxes()
    return made

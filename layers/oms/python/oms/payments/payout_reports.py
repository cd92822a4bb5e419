"""Payout reports of providers, read: Stripe's balance transactions, Adyen's and PayPal's settlement files.

Rules: https://docs.stripe.com/api/balance_transactions/object (integers in the currency of the balance),
https://docs.adyen.com/reporting/settlement-reconciliation/transaction-level/settlement-details-report (CSV; decimal
debits and credits, gross in the payment's currency, net in the payout's),
https://developer.paypal.com/docs/reports/sftp-reports/settlement-report (CSV; RH, SH, CH, SB rows; unsigned amounts in
hundredths, CR or DR beside them). Columns are found by their names. What cannot be read refuses the whole report:
MalformedPayloadError with the line.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from oms.domain.errors import MalformedPayloadError
from oms.domain.money import minor_digits
from oms.domain.payments import read_reference
from oms.domain.payouts import Payout, PayoutRow, RowKind
from oms.domain.vendor_money import ADYEN, PAYPAL, STRIPE, from_vendor_amount, from_vendor_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_STRIPE_KINDS: Final[Mapping[str, RowKind]] = {
    "charge": RowKind.CAPTURE,
    "partial_capture": RowKind.CAPTURE,
    "payment": RowKind.CAPTURE,
    "refund": RowKind.REFUND,
    "payment_refund": RowKind.REFUND,
    "refund_failure": RowKind.REFUND,
    "dispute": RowKind.DISPUTE,
    "dispute_reversal": RowKind.DISPUTE,
    "stripe_fee": RowKind.FEE,
    "network_cost": RowKind.FEE,
}
_STRIPE_PAYOUT: Final = frozenset({"payout"})
_ADYEN_KINDS: Final[Mapping[str, RowKind]] = {
    "Settled": RowKind.CAPTURE,
    "SettledInInstallments": RowKind.CAPTURE,
    "Refunded": RowKind.REFUND,
    "RefundedReversed": RowKind.REFUND,
    "Chargeback": RowKind.DISPUTE,
    "ChargebackReversed": RowKind.DISPUTE,
    "SecondChargeback": RowKind.DISPUTE,
    "Fee": RowKind.FEE,
    "InvoiceDeduction": RowKind.FEE,
}
_ADYEN_PAYOUT: Final = frozenset({"MerchantPayout"})
_ADYEN_CODES: Final[Mapping[str, str]] = {
    "Chargeback": "CHARGEBACK",
    "ChargebackReversed": "CHARGEBACK_REVERSED",
    "SecondChargeback": "SECOND_CHARGEBACK",
}
_ADYEN_COSTS: Final = ("Commission (NC)", "Markup (NC)", "Scheme Fees (NC)", "Interchange (NC)")
_PAYPAL_KINDS: Final[Mapping[str, RowKind]] = {
    "T00": RowKind.CAPTURE,
    "T01": RowKind.FEE,
    "T1106": RowKind.DISPUTE,
    "T1107": RowKind.REFUND,
    "T1110": RowKind.DISPUTE,
    "T1111": RowKind.DISPUTE,
    "T1201": RowKind.DISPUTE,
}
_PAYPAL_PAYOUT: Final = "T04"
"""A withdrawal to the bank."""


def stripe_payout(payout: Mapping[str, Any], transactions: Iterable[Mapping[str, Any]]) -> Payout:
    """A payout and the balance transactions of `GET /v1/balance_transactions?payout=`."""
    try:
        currency = str(payout["currency"]).upper()
        rows = [_stripe_row(each) for each in transactions if each["type"] not in _STRIPE_PAYOUT]
        return Payout(
            provider=STRIPE,
            payout_id=str(payout["id"]),
            currency=currency,
            amount=_stripe_amount(payout["amount"], currency),
            paid_at=datetime.fromtimestamp(payout["arrival_date"], UTC),
            rows=tuple(rows),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedPayloadError("a payout of Stripe's cannot be read", path=str(error)) from error


def _stripe_row(told: Mapping[str, Any]) -> PayoutRow:
    currency = str(told["currency"]).upper()
    kind = _STRIPE_KINDS.get(str(told.get("reporting_category") or told["type"]), RowKind.OTHER)
    source = told.get("source") or ""
    expanded = source if isinstance(source, dict) else {}
    own = str(expanded.get("id", "")) if expanded else str(source)
    return PayoutRow(
        kind=kind,
        reference=str(told["id"]) if kind is RowKind.DISPUTE else own or str(told["id"]),
        currency=currency,
        gross=_stripe_amount(told["amount"], currency),
        fee=_stripe_amount(told["fee"], currency),
        payment_ref=str(expanded.get("payment_intent") or expanded.get("charge") or ""),
    )


def _stripe_amount(amount: int, currency: str) -> int:
    sign = -1 if amount < 0 else 1
    return sign * from_vendor_amount(STRIPE, abs(amount), currency)


def adyen_settlement(lines: Sequence[str]) -> Payout:
    """A settlement details report of one batch, or the rows of one. Its payout is the row `MerchantPayout`."""
    rows: list[PayoutRow] = []
    paid, currency, batch, at = 0, "", "", None
    for number, told in enumerate(csv.DictReader(lines), start=2):
        try:
            net_currency = told["Net Currency"] or currency
            net = _signed(ADYEN, told["Net Credit (NC)"], told["Net Debit (NC)"], net_currency)
            batch = batch or told["Batch Number"]
            if told["Type"] in _ADYEN_PAYOUT:
                paid, currency, at = paid - net, net_currency, _day(told["Creation Date"])
                continue
            rows.append(_adyen_row(told, net, net_currency))
        except (KeyError, TypeError, ValueError) as error:
            raise MalformedPayloadError("a row of a settlement report cannot be read", line=number) from error
    if at is None:
        raise MalformedPayloadError("a settlement report has a payout", path="MerchantPayout")
    return Payout(provider=ADYEN, payout_id=batch, currency=currency, amount=paid, paid_at=at, rows=tuple(rows))


def _adyen_row(told: Mapping[str, str], net: int, currency: str) -> PayoutRow:
    kind = _ADYEN_KINDS.get(told["Type"], RowKind.OTHER)
    payment, own = told["Psp Reference"], told["Modification Reference"]
    costs = sum(_cents(ADYEN, told.get(name) or "", currency) for name in _ADYEN_COSTS)
    if kind is RowKind.FEE:
        return PayoutRow(kind=kind, reference=own or payment, currency=currency, gross=net)
    reference = f"{own}:{_ADYEN_CODES[told['Type']]}" if kind is RowKind.DISPUTE else own
    return PayoutRow(
        kind=kind,
        reference=reference or payment,
        currency=currency,
        gross=net + costs,
        fee=costs,
        payment_ref=payment,
        order_ref=read_reference(told.get("Merchant Reference") or "")[0],
    )


def paypal_settlement(lines: Sequence[str], payout_id: str) -> Payout:
    """A settlement report of one currency: what moved, and what of it went to the bank."""
    head: list[str] = []
    rows: list[PayoutRow] = []
    paid, currency, at = 0, "", None
    for number, parts in enumerate(csv.reader(lines), start=1):
        try:
            if parts and parts[0] == "CH":
                head = parts
            if not parts or parts[0] != "SB":
                continue
            told = dict(zip(head, parts, strict=True))
            code = told["Transaction Event Code"]
            row = _paypal_row(told, code)
            _same(currency, row.currency)
            currency, at = row.currency, _day(told["Transaction Completion Date"])
            if code.startswith(_PAYPAL_PAYOUT):
                paid -= row.net
            else:
                rows.append(row)
        except (KeyError, TypeError, ValueError) as error:
            raise MalformedPayloadError("a row of a settlement report cannot be read", line=number) from error
    if at is None:
        raise MalformedPayloadError("a settlement report has rows", path="SB")
    return Payout(provider=PAYPAL, payout_id=payout_id, currency=currency, amount=paid, paid_at=at, rows=tuple(rows))


def _paypal_row(told: Mapping[str, str], code: str) -> PayoutRow:
    currency = told["Gross Transaction Currency"]
    gross = _hundredths(told["Gross Transaction Amount"], told["Transaction Debit or Credit"], currency)
    fee = _hundredths(told["Fee Amount"] or "0", told["Fee Debit or Credit"] or "CR", told["Fee Currency"] or currency)
    kind = _PAYPAL_KINDS.get(code) or _PAYPAL_KINDS.get(code[:3], RowKind.OTHER)
    own = told["Transaction ID"]
    return PayoutRow(
        kind=kind,
        reference=f"reversed:{own}" if kind is RowKind.DISPUTE else own,
        currency=currency,
        gross=gross,
        fee=-fee,
        payment_ref=told.get("PayPal Reference ID") or "",
        order_ref=read_reference(told.get("Invoice ID") or "")[0],
    )


def _same(before: str, now: str) -> None:
    if before and now != before:
        raise ValueError("one currency at a time")


def _hundredths(text: str, side: str, currency: str) -> int:
    """Amounts have no point: hundredths, or units of currencies without digits."""
    if side not in ("CR", "DR") or not text.isascii() or not text.isdigit():
        raise ValueError("an amount with its side")
    minor = from_vendor_amount(PAYPAL, int(text), currency)
    return minor if side == "CR" else -minor


def _signed(vendor: str, credit: str, debit: str, currency: str) -> int:
    return _cents(vendor, credit, currency) - _cents(vendor, debit, currency)


def _cents(vendor: str, text: str, currency: str) -> int:
    """A decimal with as many digits as its currency has; costs may have more, which are nobody's to pay out."""
    if not text:
        return 0
    whole, _, part = text.removeprefix("-").partition(".")
    digits = minor_digits(currency)
    if part[digits:].strip("0"):
        raise ValueError("an amount has more digits than its currency")
    minor = from_vendor_text(vendor, f"{whole}.{part[:digits]}" if part[:digits] else whole, currency)
    return -minor if text.startswith("-") else minor


def _day(text: str) -> datetime:
    moment = datetime.fromisoformat(text.strip().replace("/", "-"))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)

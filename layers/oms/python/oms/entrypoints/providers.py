"""The payment providers by name. Each is made when an order first needs it: what is not used is not loaded."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from oms.domain.payments import EXCHANGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from oms.application.gateways import PaymentProvider
    from oms.application.orders import Orders

    Credentials = Callable[[str, str], Mapping[str, str]]


class Providers(Mapping[str, "PaymentProvider"]):
    """Makes and keeps them. `credentials(source, account)` gives what an account is called with."""

    def __init__(self, credentials: Credentials, orders: Callable[[], Orders]) -> None:
        self._credentials, self._orders = credentials, orders
        self._made: dict[str, PaymentProvider] = {}

    def __getitem__(self, name: str) -> PaymentProvider:
        if name not in self._made:
            self._made[name] = self._exchange() if name == EXCHANGE else _MAKERS[name](self._credentials)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter((*_MAKERS, EXCHANGE))

    def __len__(self) -> int:
        return len(_MAKERS) + 1

    def _exchange(self) -> PaymentProvider:
        """Returns, which pay for other orders."""
        from oms.application.exchanges import ExchangePayments

        return ExchangePayments(self._orders())


def _stripe(credentials: Credentials) -> PaymentProvider:
    from oms.adapters.stripe_api import StripePayments

    def secret_key() -> str:
        return credentials("stripe", os.environ["STRIPE_ACCOUNT"])["secret_key"]

    return StripePayments(os.environ["STRIPE_URL"], secret_key)


def _adyen(credentials: Credentials) -> PaymentProvider:
    from oms.adapters.adyen_api import AdyenPayments

    return AdyenPayments(os.environ["ADYEN_URL"], lambda: credentials("adyen", os.environ["ADYEN_ACCOUNT"]))


def _paypal(credentials: Credentials) -> PaymentProvider:
    from oms.adapters.paypal_api import PayPalPayments

    return PayPalPayments(os.environ["PAYPAL_URL"], lambda: credentials("paypal", os.environ["PAYPAL_ACCOUNT"]))


_MAKERS: Mapping[str, Callable[[Credentials], PaymentProvider]] = {
    "stripe": _stripe,
    "adyen": _adyen,
    "paypal": _paypal,
}

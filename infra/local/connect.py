"""`make connect CHANNEL=… [ACCOUNT=…]`: keep what an account signs with, and say which URL to register.

The secret is read from the environment variable SECRET, else asked for, else made up; credentials for calling the
vendor from the file that API_FILE names (a JSON object). TELL says what the channel is told of what happens here, kinds
with commas between, with SETTINGS as a JSON object (docs/outbound.md); without it nothing changes there. Connecting an
account again rotates its secret: the one before stays valid until the next time.
"""

from __future__ import annotations

import base64
import getpass
import json
import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from infra.local.system import System, SystemMissingError, find

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCES: Final = (
    *("shopify", "woocommerce", "tiktok-shop", "amazon", "bigcommerce", "magento"),
    *("ebay", "walmart", "etsy", "mercadolibre", "meta-commerce", "webhook"),
    *("easypost", "stripe", "adyen", "paypal"),
)
UNSIGNED: Final = ("amazon",)
TOKENS: Final = ("mercadolibre",)
THEIRS: Final = {
    "bigcommerce": "the app's client secret",
    "magento": "the client id of the project that subscribed",
    "adyen": "the endpoint's HMAC key (hexadecimal)",
    "paypal": "the id of the webhook that you registered",
    "etsy": "the endpoint's signing secret (whsec_…)",
    "mercadolibre": "the seller's user id, a colon, and a token of yours for the URL",
    "meta-commerce": "the app secret, a colon, and a verify token of yours",
}
"""What cannot be made up here."""


def connect(system: System, source: str, account: str, secret: str, api: Mapping[str, Any] | None = None) -> str:
    """Keep the secret and credentials of an account; returns the URL (or queue) to register with the vendor."""
    system.make_keys()
    document = system.read_secret("ConnectionsSecret")
    known = document.get(f"{source}/{account}", {})
    entry = {"current": secret, "previous": known.get("previous", ""), "api": dict(api or known.get("api", {}))}
    if known.get("current") and known["current"] != secret:
        entry["previous"] = known["current"]
    if entry != known:
        system.write_secret("ConnectionsSecret", {**document, f"{source}/{account}": entry})
    if source == "amazon":
        return system.outputs["AmazonQueueArn"]
    url = f"{system.api_url}/webhooks/{source}/{account}"
    # What cannot sign says the token that only who registered the URL knows.
    return f"{url}?token={quote(secret.partition(':')[2], safe='')}" if source in TOKENS else url


def tell(system: System, source: str, account: str, settings: Mapping[str, Any]) -> bool:
    """Have an account told everything that its channel has words for, or `settings["tell"]` of it; False when it was.

    Settings: docs/outbound.md. An empty list of what is told ends it.
    """
    from oms.adapters.dynamodb_reference import DynamoReference
    from oms.channels.outward import kinds
    from oms.domain.channel_dues import POLICY

    reference = DynamoReference(system.client("dynamodb"), system.outputs["ReferenceTable"])
    accounts = dict(reference.policy(POLICY).get("accounts", {}))
    known = sorted(each.value for each in kinds(source))
    asked = list(settings.get("tell", known))
    if unknown := sorted(set(asked) - set(known)):
        raise ValueError(
            f"{source} cannot be told {', '.join(unknown)}; it can be told {', '.join(known) or 'nothing'}"
        )
    accounts[f"{source}/{account}"] = {**accounts.get(f"{source}/{account}", {}), **settings, "tell": asked}
    return reference.put("policy", POLICY, {"accounts": accounts})


def webhook_secret() -> str:
    """A new one, as libraries of Standard Webhooks spell it."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def _secret(source: str) -> str:
    given = os.environ.get("SECRET", "")
    if given or source in UNSIGNED:
        return given
    if sys.stdin.isatty():
        given = getpass.getpass(f"{THEIRS.get(source, f'signing secret of {source} (empty to make one up)')}: ")
    if given:
        return given
    if source in THEIRS:
        raise ValueError(f"{source} signs with its own: say {THEIRS[source]} in SECRET")
    made = webhook_secret() if source == "webhook" else secrets.token_urlsafe(32)
    print(f"made up a secret; give it to {source}: {made}")
    return made


def main(arguments: list[str]) -> int:
    """Connect; 2 for a source that there is none of."""
    if not arguments or arguments[0] not in SOURCES:
        print(f"usage: make connect CHANNEL={'|'.join(SOURCES)} [ACCOUNT=main]", file=sys.stderr)
        return 2
    account = os.environ.get("ACCOUNT") or "main"
    file = os.environ.get("API_FILE", "")
    try:
        system = find()
        api = json.loads(Path(file).read_text()) if file else None
        where = connect(system, arguments[0], account, _secret(arguments[0]), api)
        asked = os.environ.get("TELL")
        if asked is not None:
            more = json.loads(os.environ.get("SETTINGS") or "{}")
            tell(system, arguments[0], account, {**more, "tell": [each for each in asked.split(",") if each]})
    except (SystemMissingError, OSError, ValueError) as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"connected {arguments[0]}/{account}; register with the vendor:\n  {where}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

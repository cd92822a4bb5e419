"""The composition root: the one module that knows both a port and its adapter. `use_cases` puts them together.

Everything is made when first asked for and kept while the function is warm. Environment names are those of
`template.yaml`.
"""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from oms.adapters.aws import make_client
from oms.adapters.keys import is_commit_sk
from oms.entrypoints.providers import Providers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from oms.adapters.dynamodb_contacts import DynamoContacts
    from oms.adapters.dynamodb_feed import DynamoFeed
    from oms.adapters.dynamodb_log import DynamoLog, DynamoStock
    from oms.adapters.dynamodb_marks import DynamoMarks
    from oms.adapters.dynamodb_outbox import DynamoOutbox
    from oms.adapters.dynamodb_policies import DynamoPolicies
    from oms.adapters.dynamodb_reference import DynamoReference
    from oms.adapters.dynamodb_scan import DynamoScan
    from oms.adapters.dynamodb_views import DynamoViews
    from oms.adapters.dynamodb_work import DynamoOpenWork
    from oms.adapters.gazetteer import PackagedGazetteer
    from oms.adapters.messaging import EventBridgeBus, SqsQueue, StepFunctions
    from oms.adapters.published_keys import PublishedKeys
    from oms.adapters.s3 import S3Checkpoint, S3Claims, S3Documents, S3Quarantine
    from oms.adapters.s3_feed import S3FeedFile
    from oms.adapters.secrets_manager import Connections, SecretDocument
    from oms.adapters.shards import Shards
    from oms.adapters.vendor_http import VendorApi as HttpVendorApi
    from oms.application.customers import Customers
    from oms.application.drafts import Drafts
    from oms.application.gateways import PaymentProvider
    from oms.application.holds import StockHolds
    from oms.application.orders import Orders
    from oms.application.status_links import StatusLinks
    from oms.domain.commit import Commit

Item = TypeVar("Item")
Done = TypeVar("Done")
AT_ONCE = 8
"""Calls that are made abreast: fewer than a client keeps connections."""


def abreast(do: Callable[[Item], Done], items: Iterable[Item]) -> Sequence[Done]:
    """`map`, several at a time; for one, a thread takes longer to start than it saves."""
    todo = list(items)
    if len(todo) <= 1:
        return [do(each) for each in todo]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(do, todo))


def now() -> datetime:
    """The Clock port."""
    return datetime.now(UTC)


def wait(seconds: float) -> None:
    """Let time pass."""
    time.sleep(seconds)


@cache
def client(service: str) -> Any:
    """An AWS client, one per service."""
    return make_client(service, os.environ.get("AWS_SDK_UA_APP_ID") or os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""))


class Later:
    """A client that most invocations do without: made when it is first used."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __getattr__(self, name: str) -> Any:
        return getattr(client(self._service), name)


@cache
def shards() -> Shards:
    """Rows of spread positions."""
    from oms.adapters.shards import Shards

    return Shards(client("dynamodb"), os.environ["STOCK_TABLE"])


@cache
def log() -> DynamoLog:
    """The event log."""
    from oms.adapters.dynamodb_log import DynamoLog

    return DynamoLog(client("dynamodb"), os.environ["EVENTS_TABLE"], os.environ["STOCK_TABLE"], shards())


def is_commit(image: Mapping[str, Any]) -> bool:
    """A stream image is a commit, not a part of one, a fact or a guard."""
    return is_commit_sk(str(image["sk"]["S"]))


def read_commit(image: Mapping[str, Any]) -> Commit:
    """The commit of a stream image, its parts read from the log; raises UnknownEventError."""
    from oms.adapters.commit_item import commit_from_item, in_parts

    return commit_from_item(log().whole(image) if in_parts(image) else image)


@cache
def stock() -> DynamoStock:
    """Stock positions."""
    from oms.adapters.dynamodb_log import DynamoStock

    return DynamoStock(client("dynamodb"), os.environ["STOCK_TABLE"], shards())


@cache
def fed_stock() -> DynamoFeed:
    """Positions as feeds find them."""
    from oms.adapters.dynamodb_feed import DynamoFeed

    return DynamoFeed(client("dynamodb"), os.environ["EVENTS_TABLE"], os.environ["STOCK_TABLE"])


def feed_file(key: str, etag: str, size: int) -> S3FeedFile:
    """A file of a feed."""
    from oms.adapters.s3_feed import S3FeedFile

    return S3FeedFile(client("s3"), os.environ["FEEDS_BUCKET"], key, etag, size)


@cache
def contacts() -> DynamoContacts:
    """Personal data."""
    from oms.adapters.dynamodb_contacts import DynamoContacts

    return DynamoContacts(client("dynamodb"), os.environ["CONTACTS_TABLE"])


@cache
def views() -> DynamoViews:
    """Lists and due work."""
    from oms.adapters.dynamodb_views import DynamoViews

    tables = [os.environ[each] for each in ("VIEWS_TABLE", "CONTACTS_TABLE", "EVENTS_TABLE")]
    return DynamoViews(client("dynamodb"), *tables)


@cache
def policies() -> DynamoPolicies:
    """Versions of policies."""
    from oms.adapters.dynamodb_policies import DynamoPolicies

    return DynamoPolicies(client("dynamodb"), os.environ["REFERENCE_TABLE"])


@cache
def open_work() -> DynamoOpenWork:
    """What is open at nodes."""
    from oms.adapters.dynamodb_work import DynamoOpenWork

    return DynamoOpenWork(client("dynamodb"), os.environ["VIEWS_TABLE"])


@cache
def reference() -> DynamoReference:
    """Master data."""
    from oms.adapters.dynamodb_reference import DynamoReference

    return DynamoReference(client("dynamodb"), os.environ["REFERENCE_TABLE"])


@cache
def gazetteer() -> PackagedGazetteer:
    """Where places are."""
    from oms.adapters.gazetteer import PackagedGazetteer

    return PackagedGazetteer()


@cache
def quarantine() -> S3Quarantine:
    """Inputs that could not be processed."""
    from oms.adapters.s3 import S3Quarantine

    return S3Quarantine(Later("s3"), os.environ["RAW_BUCKET"], views())


@cache
def claims() -> S3Claims:
    """Bodies too large for a queue."""
    from oms.adapters.s3 import S3Claims

    return S3Claims(Later("s3"), os.environ["RAW_BUCKET"])


@cache
def reports() -> S3Documents:
    """Reports."""
    from oms.adapters.s3 import S3Documents

    return S3Documents(client("s3"), os.environ["REPORTS_BUCKET"])


@cache
def checkpoint(name: str) -> S3Checkpoint:
    """Where a long run goes on, beside the reports."""
    from oms.adapters.s3 import S3Checkpoint

    return S3Checkpoint(client("s3"), os.environ["REPORTS_BUCKET"], f"checkpoints/{name}.json.gz")


@cache
def marks() -> DynamoMarks:
    """How far polls came."""
    from oms.adapters.dynamodb_marks import DynamoMarks

    return DynamoMarks(client("dynamodb"), os.environ["VIEWS_TABLE"])


@cache
def outbox() -> DynamoOutbox:
    """What became of what channels were told."""
    from oms.adapters.dynamodb_outbox import DynamoOutbox

    return DynamoOutbox(client("dynamodb"), os.environ["OUTBOUND_TABLE"])


@cache
def everything() -> DynamoScan:
    """Log and stock, read through."""
    from oms.adapters.dynamodb_scan import DynamoScan

    return DynamoScan(client("dynamodb"), os.environ["EVENTS_TABLE"], os.environ["STOCK_TABLE"])


@cache
def queue(name: str) -> SqsQueue:
    """The queue whose URL the environment variable `name` holds."""
    from oms.adapters.messaging import SqsQueue

    return SqsQueue(client("sqs"), os.environ[name], claims())


@cache
def connections() -> Connections:
    """Secrets of connected accounts."""
    from oms.adapters.secrets_manager import Connections, SecretDocument

    return Connections(SecretDocument(Later("secretsmanager"), os.environ["CONNECTIONS_SECRET"]))


@cache
def keys() -> SecretDocument:
    """Our own signing keys."""
    from oms.adapters.secrets_manager import SecretDocument

    return SecretDocument(Later("secretsmanager"), os.environ["KEYS_SECRET"])


@cache
def workflows() -> StepFunctions:
    """Step Functions."""
    from oms.adapters.messaging import StepFunctions

    arns = {"b2c_order": os.environ["B2C_ORDER_ARN"], "return_settlement": os.environ["RETURN_SETTLEMENT_ARN"]}
    return StepFunctions(client("stepfunctions"), arns)


@cache
def bus() -> EventBridgeBus:
    """Public events."""
    from oms.adapters.messaging import EventBridgeBus
    from oms.domain.public_events import SOURCE

    return EventBridgeBus(client("events"), os.environ["EVENT_BUS"], SOURCE)


@cache
def orders() -> Orders:
    """The order aggregate."""
    from oms.application.orders import Orders

    return Orders(log(), now)


@cache
def stock_holds() -> StockHolds:
    """Holds of stock."""
    from oms.application.holds import StockHolds

    return StockHolds(log(), now)


@cache
def drafts() -> Drafts:
    """Sales representatives' drafts."""
    from oms.application.drafts import Drafts

    return Drafts(log(), now)


@cache
def customers() -> Customers:
    """Pseudonyms."""
    from oms.application.customers import Customers

    return Customers(lambda: str(keys().read()["customer_key"]))


@cache
def status_links() -> StatusLinks:
    """Signed links."""
    from oms.application.status_links import StatusLinks

    return StatusLinks(lambda: keys().read()["status_links"])


@cache
def providers() -> Mapping[str, PaymentProvider]:
    """Payment providers by name."""
    return Providers(lambda source, account: connections().credentials(source, account), orders)


@cache
def vendors(seconds: float = 25.0) -> HttpVendorApi:
    """Channels' own APIs, each call within so many seconds."""
    from oms.adapters.rest import within
    from oms.adapters.vendor_http import VendorApi as HttpVendorApi

    names = (
        *(("tiktok-shop", "TIKTOK_URL"), ("amazon", "AMAZON_URL"), ("amazon-auth", "AMAZON_AUTH_URL")),
        *(("bigcommerce", "BIGCOMMERCE_URL"), ("ebay", "EBAY_URL"), ("walmart", "WALMART_URL"), ("etsy", "ETSY_URL")),
        *(("mercadolibre", "MERCADOLIBRE_URL"), ("mercadopago", "MERCADOPAGO_URL"), ("meta-commerce", "META_URL")),
    )
    urls = {vendor: os.environ[name] for vendor, name in names}
    return HttpVendorApi(connections().credentials, urls, within(seconds))


def published_keys(source: str, account: str) -> PublishedKeys:
    """Where a sender publishes its keys: eBay to the account's application, Adobe and PayPal to everybody."""
    return _ebay_keys(account) if source == "ebay" else _public_keys(source)


@cache
def _public_keys(source: str) -> PublishedKeys:
    from oms.adapters.published_keys import PublishedKeys

    return PublishedKeys(source, os.environ["PAYPAL_CERTS_URL" if source == "paypal" else "ADOBE_KEYS_URL"])


@cache
def _ebay_keys(account: str) -> PublishedKeys:
    from oms.adapters.ebay_api import ebay_keys

    return ebay_keys(os.environ["EBAY_URL"], lambda: connections().credentials("ebay", account), time.monotonic)


def queue_of(source: str) -> str:
    """The environment variable with the URL of the queue that takes this source's deliveries."""
    from oms.carriers.registry import sources as carriers
    from oms.payments.registry import sources as providers

    if source in carriers():
        return "TRACKING_QUEUE"
    return "PAYMENTS_QUEUE" if source in (*providers(), "fraud") else "INTAKE_QUEUE"


def requeue(message: Mapping[str, Any]) -> None:
    """Put a delivery on the queue that its source's deliveries take."""
    queue(queue_of(str(message.get("source", "")))).send(message)


def take_in(message: Mapping[str, Any], delay_s: int) -> None:
    """Have an order taken in a little later, as if it had been delivered."""
    queue("INTAKE_QUEUE").send(message, delay_s)


def relay_later(pk: str, sk: str) -> None:
    """Have a commit relayed again, from the log."""
    client("sqs").send_message(QueueUrl=os.environ["RELAY_RETRY_QUEUE"], MessageBody=json.dumps({"pk": pk, "sk": sk}))


def tell_later(message: Mapping[str, Any], delay_s: int = 0) -> None:
    """Have a channel told, so many seconds later."""
    queue("OUTBOUND_QUEUE").send(message, delay_s)

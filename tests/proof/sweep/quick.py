"""Shorter ways to moto: a sweep makes the same few requests over and over.

What moto and botocore look up anew for every request is remembered; nothing of what they answer changes, but for ids of
requests and the user agent. And in a case, DynamoDB's part of moto is called without HTTP between, but for the call
that meets the fault: `direct`. Good runs take the whole way, and every case is compared with one.
"""

from __future__ import annotations

import copy
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from botocore import xform_name
from botocore.useragent import UserAgentString
from moto import backend_index, backends
from moto.core import responses
from moto.core.base_backend import BackendDict
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.exceptions import ServiceException
from moto.core.request import normalize_request
from moto.core.utils import camelcase_to_underscores, method_names_from_class
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.responses import DynamoHandler
from werkzeug.exceptions import HTTPException

from tests.proof.sweep.stores import ACCOUNT
from tests.support.aws import REGION

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

REQUEST_ID: Final = "0" * 52


def install(patch: pytest.MonkeyPatch) -> None:
    """For as long as `patch` stands."""
    patch.setattr(responses, "camelcase_to_underscores", cache(camelcase_to_underscores))
    patch.setattr(responses, "method_names_from_class", cache(lambda kind: frozenset(method_names_from_class(kind))))
    patch.setattr(responses, "gen_amzn_requestid_long", _request_id)
    patch.setattr(UserAgentString, "to_string", lambda _: "sweep")
    patch.setattr(BotocoreStubber, "process_request", _process)


class _Tables(DynamoHandler):
    """DynamoDB as moto answers it, of the one account and region."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__()
        self.body = self.params = body

    @property
    def dynamodb_backend(self) -> Any:
        return dynamodb_backends[ACCOUNT][REGION]


def direct(operation: str, asked: dict[str, Any]) -> dict[str, Any] | None:
    """What DynamoDB answers; None when it refuses, which has no effect: ask again the long way, which words it."""
    handler = _Tables(copy.deepcopy(asked))
    try:
        answer: dict[str, Any] = getattr(handler, xform_name(operation))().result
    except (ServiceException, HTTPException):
        return None
    return {**answer, "ResponseMetadata": {"HTTPStatusCode": 200, "RequestId": REQUEST_ID, "RetryAttempts": 0}}


def _request_id(headers: dict[str, Any] | None = None) -> str:
    if headers is not None:
        headers["x-amzn-requestid"] = REQUEST_ID
    return REQUEST_ID


def _process(_: BotocoreStubber, request: Any) -> Any:
    """As moto's own: which of its services answers a URL, and what it answers."""
    url = request.url.partition("?")[0]
    host = urlsplit(url).netloc
    for pattern, answer in _routes(host, _service(url, host)):
        if pattern.match(url):
            asked = normalize_request(request)
            try:
                return answer(asked, asked.raw_url, asked.headers)
            except HTTPException as refused:
                return refused.code, refused.get_headers(), refused.get_body()
    return 404, {}, "Not yet implemented"


_services: dict[str, str] = {}


def _service(url: str, host: str) -> str:
    """By the host: no two services of these functions share one."""
    if host not in _services:
        _services[host] = next(name for name, pattern in backend_index.backend_url_patterns if pattern.match(url))
    return _services[host]


@cache
def _routes(host: str, service: str) -> list[tuple[re.Pattern[str], Callable[..., Any]]]:
    """The URLs that a service knows, and who answers them."""
    found: Any = backends.get_backend(service)  # type: ignore[call-overload]
    if isinstance(found, BackendDict):
        regions = found[ACCOUNT]
        backend = regions["us-east-1"] if "us-east-1" in regions else regions["aws"]
    else:
        backend = found["global"]
    return [(re.compile(known), answer) for known, answer in backend.urls.items()]

# in: layers/oms/python/oms/adapters/sample.py
import urllib.request
from typing import Any

import boto3
import urllib3


def pools(pool: urllib3.PoolManager, config: Any, session: Any) -> list[Any]:
    return [
        # ruleid: no-call-without-timeout
        pool.request("GET", "https://example.com", retries=False),
        # ruleid: no-call-without-timeout
        urllib3.request("GET", "https://example.com"),
        # ruleid: no-call-without-timeout
        urllib.request.urlopen("https://example.com"),
        # ruleid: no-call-without-timeout
        urllib3.PoolManager(timeout=3, cert_reqs="CERT_NONE"),
        # ruleid: no-call-without-timeout
        boto3.client("sqs"),
        # ruleid: no-call-without-timeout
        session.create_client("sqs"),
        # ok: no-call-without-timeout
        pool.request("GET", "https://example.com", timeout=3.0, retries=False),
        # ok: no-call-without-timeout
        boto3.client("sqs", config=config),
    ]

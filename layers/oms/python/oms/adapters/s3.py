"""Raw inputs that are kept for a while, bodies too large for a queue, and files for people: on S3."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from oms.domain.codec import to_plain
from oms.domain.errors import QuarantineNotFoundError
from oms.domain.parked import Parked

if TYPE_CHECKING:
    import builtins
    from collections.abc import Mapping

    from oms.adapters.dynamodb_views import DynamoViews

KEEP_DAYS: Final = 30
_KIND: Final = "quarantine"


class S3Quarantine:
    """Quarantine port: the entry in S3, a row without its body in `views`. The bucket's lifecycle ends both."""

    def __init__(self, client: Any, bucket: str, views: DynamoViews) -> None:
        self._client = client
        self._bucket = bucket
        self._views = views

    def park(self, parked: Parked) -> None:
        """The entry first, so that a listed row always has one."""
        self._client.put_object(
            Bucket=self._bucket,
            Key=_key(parked.parked_id),
            Body=json.dumps(to_plain(parked), ensure_ascii=False).encode(),
            ContentType="application/json",
        )
        row = {name: value for name, value in to_plain(parked).items() if name != "message"}
        self._views.put_row(
            _KIND,
            parked.parked_id,
            row,
            keep_days=KEEP_DAYS,
            replace=True,
            listed_at=parked.parked_at,
            look_at=parked.parked_at if parked.waits_for else None,
        )

    def get(self, parked_id: str) -> Parked:
        """Raises QuarantineNotFoundError."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=_key(parked_id))
        except self._client.exceptions.NoSuchKey as error:
            raise QuarantineNotFoundError("no such quarantined input", parked_id=parked_id) from error
        plain = json.loads(answer["Body"].read())
        return Parked(**{**plain, "parked_at": datetime.fromisoformat(plain["parked_at"])})

    def list(self, limit: int, cursor: str) -> tuple[list[Mapping[str, Any]], str]:
        """From the rows."""
        return self._views.list_newest(_KIND, limit, cursor)

    def waiting(self, now: datetime, limit: int) -> builtins.list[Mapping[str, Any]]:
        """From the rows."""
        return self._views.to_look_at(_KIND, now, limit)

    def look_again(self, parked_id: str, at: datetime) -> None:
        """On the row."""
        self._views.look_again(_KIND, parked_id, at)

    def remove(self, parked_id: str) -> None:
        """The row first: an entry without a row is swept by the lifecycle."""
        self._views.delete_row(_KIND, parked_id)
        self._client.delete_object(Bucket=self._bucket, Key=_key(parked_id))


def _key(parked_id: str) -> str:
    return f"quarantine/{parked_id}.json"


class S3Claims:
    """Claims port."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, key: str, body: bytes) -> None:
        """Keep a body; the same key again replaces it with the same bytes."""
        self._client.put_object(Bucket=self._bucket, Key=key, Body=body)

    def get(self, key: str) -> bytes:
        """The body."""
        body: bytes = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return body


class S3Documents:
    """Documents port."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, key: str, body: bytes, content_type: str) -> None:
        """Write a file."""
        self._client.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=content_type)


class S3Checkpoint:
    """Checkpoint port: one object, packed."""

    def __init__(self, client: Any, bucket: str, key: str) -> None:
        self._client = client
        self._where = {"Bucket": bucket, "Key": key}

    def load(self) -> Mapping[str, Any] | None:
        """What was put down last."""
        try:
            answer = self._client.get_object(**self._where)
        except self._client.exceptions.NoSuchKey:
            return None
        document: Mapping[str, Any] = json.loads(gzip.decompress(answer["Body"].read()))
        return document

    def save(self, document: Mapping[str, Any]) -> None:
        """Put it down."""
        packed = gzip.compress(json.dumps(document, separators=(",", ":")).encode(), compresslevel=1, mtime=0)
        self._client.put_object(**self._where, Body=packed, ContentType="application/gzip")

    def clear(self) -> None:
        """Nothing is there any more."""
        self._client.delete_object(**self._where)

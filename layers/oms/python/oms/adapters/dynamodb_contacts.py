"""Personal data: the only place it is kept, one item per order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from oms.adapters.keys import contact_key, labels_pk
from oms.domain.canonical import Contact
from oms.domain.codec import from_plain, to_plain

if TYPE_CHECKING:
    from datetime import datetime

    from oms.domain.canonical import ContactKey


NO_REVISION: Final = "0"
"""Older than every revision."""


class DynamoContacts:
    """Contacts port. An erased contact is a tombstone without a body: a late duplicate must not bring it back."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def put(self, where: ContactKey, revision: str, contact: Contact) -> None:
        """Keep the contact of `revision` unless the same or a newer one, or a tombstone, is there."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    **_key(where),
                    "rev": {"S": revision},
                    "body": {"S": json.dumps(to_plain(contact), separators=(",", ":"), ensure_ascii=False)},
                },
                ConditionExpression="attribute_not_exists(pk) OR (rev < :rev AND attribute_not_exists(erased_at))",
                ExpressionAttributeValues={":rev": {"S": revision}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def get(self, where: ContactKey) -> Contact | None:
        """The contact, read consistently."""
        item = self._client.get_item(TableName=self._table, Key=_key(where), ConsistentRead=True).get("Item")
        if not item or "body" not in item:
            return None
        contact: Contact = from_plain(Contact, json.loads(item["body"]["S"]))
        return contact

    def take_back(self, where: ContactKey, revision: str) -> None:
        """Leave an item that says nothing and that any revision replaces: who may put need not be able to delete."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item={**_key(where), "rev": {"S": NO_REVISION}},
                ConditionExpression="rev = :rev",
                ExpressionAttributeValues={":rev": {"S": revision}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def put_label(self, where: ContactKey, return_id: str, url: str) -> None:
        """Keep where the file of a return's label is, beside the contact."""
        self._client.put_item(TableName=self._table, Item={**_label_key(where, return_id), "url": {"S": url}})

    def label(self, where: ContactKey, return_id: str) -> str:
        """Where the file is; '' when nobody knows (any more)."""
        item = self._client.get_item(TableName=self._table, Key=_label_key(where, return_id)).get("Item")
        return str(item["url"]["S"]) if item else ""

    def erase(self, where: ContactKey, at: datetime) -> None:
        """Leave a tombstone, and no label."""
        labels = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": labels_pk(where.order_id)}},
            ProjectionExpression="pk, sk",
        )
        for item in labels["Items"]:
            self._client.delete_item(TableName=self._table, Key=item)
        self._client.put_item(
            TableName=self._table,
            Item={**_key(where), "rev": {"S": "9999"}, "erased_at": {"S": at.isoformat()}},
        )


def _label_key(where: ContactKey, return_id: str) -> dict[str, Any]:
    return {"pk": {"S": labels_pk(where.order_id)}, "sk": {"S": return_id}}


def _key(where: ContactKey) -> dict[str, Any]:
    pk, sk = contact_key(where)
    return {"pk": {"S": pk}, "sk": {"S": sk}}

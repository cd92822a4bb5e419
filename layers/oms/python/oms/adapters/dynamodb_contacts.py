"""Personal data: the only place it is kept, one item per order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from oms.domain.canonical import Contact
from oms.domain.codec import from_plain, to_plain

if TYPE_CHECKING:
    from datetime import datetime


class DynamoContacts:
    """Contacts port. An erased contact is a tombstone without a body: a late duplicate must not bring it back."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def put(self, contact_id: str, revision: str, contact: Contact) -> None:
        """Keep the contact of `revision` unless the same or a newer one, or a tombstone, is there."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    "pk": {"S": contact_id},
                    "rev": {"S": revision},
                    "body": {"S": json.dumps(to_plain(contact), separators=(",", ":"), ensure_ascii=False)},
                },
                ConditionExpression="attribute_not_exists(pk) OR (rev < :rev AND attribute_not_exists(erased_at))",
                ExpressionAttributeValues={":rev": {"S": revision}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def get(self, contact_id: str) -> Contact | None:
        """The contact, read consistently."""
        item = self._client.get_item(TableName=self._table, Key={"pk": {"S": contact_id}}, ConsistentRead=True).get(
            "Item"
        )
        if not item or "body" not in item:
            return None
        contact: Contact = from_plain(Contact, json.loads(item["body"]["S"]))
        return contact

    def erase(self, contact_id: str, at: datetime) -> None:
        """Leave a tombstone."""
        self._client.put_item(
            TableName=self._table,
            Item={"pk": {"S": contact_id}, "rev": {"S": "9999"}, "erased_at": {"S": at.isoformat()}},
        )

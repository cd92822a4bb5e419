"""As much of DynamoDB in memory as the log and stock use, request by request: their adapters run on it unchanged.

    tables = Tables()
    log, stock = DynamoLog(tables, "events", "stock"), DynamoStock(tables, "stock")

Expressions are read in the form in which those adapters write them. Nobody is in anybody's way here: who wants that
says so in `_admit`.
"""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Item = dict[str, Any]
Key = tuple[str, str, str]
"""Table, pk, sk."""


class ConditionalCheckFailedException(ClientError):  # noqa: N818 - the client's own name
    """As the client calls it."""


class TransactionConflictException(ClientError):  # noqa: N818 - the client's own name
    """As the client calls it."""


def failed(code: str, operation: str, **more: Any) -> ClientError:
    """The error of this code."""
    kind = {
        "ConditionalCheckFailedException": ConditionalCheckFailedException,
        "TransactionConflictException": TransactionConflictException,
    }.get(code, ClientError)
    answer: Any = {"Error": {"Code": code, "Message": code}, **more}
    return kind(answer, operation)


class Tables:
    """A client. `data` is items by table, pk, and sk."""

    exceptions: Final = SimpleNamespace(
        ConditionalCheckFailedException=ConditionalCheckFailedException,
        TransactionConflictException=TransactionConflictException,
    )

    def __init__(self) -> None:
        self.data: dict[tuple[str, str], dict[str, Item]] = {}

    # ---------------------------------------------------------------- reads

    def get_item(self, **asked: Any) -> Item:
        """GetItem."""
        item = self._at(_key(asked["TableName"], asked["Key"]))
        return {"Item": item} if item else {}

    def query(self, **asked: Any) -> Item:
        """Query of a partition, in one page."""
        values = asked["ExpressionAttributeValues"]
        prefix = values.get(":prefix", {"S": ""})["S"]
        kept = self._partition(asked["TableName"], values[":pk"]["S"])
        return {"Items": [kept[sk] for sk in sorted(kept) if sk.startswith(prefix)]}

    def batch_get_item(self, **asked: Any) -> Item:
        """BatchGetItem."""
        found = {}
        for table, request in asked["RequestItems"].items():
            items = [self._at(_key(table, key)) for key in request["Keys"]]
            found[table] = [each for each in items if each]
        return {"Responses": found, "UnprocessedKeys": {}}

    def scan(self, **asked: Any) -> Item:
        """Scan in one page."""
        of = [kept for (table, _), kept in sorted(self.data.items()) if table == asked["TableName"]]
        return {"Items": [kept[sk] for kept in of for sk in sorted(kept)]}

    # ---------------------------------------------------------------- writes

    def put_item(self, **asked: Any) -> Item:
        """PutItem."""
        key = _key(asked["TableName"], asked["Item"])
        if not holds(asked, self._at(key)):
            raise failed("ConditionalCheckFailedException", "PutItem")
        self._write(key, asked["Item"])
        return {}

    def transact_write_items(self, **asked: Any) -> Item:
        """TransactWriteItems: all or nothing."""
        writes = [next(iter(each.items())) for each in asked["TransactItems"]]
        keys = [_key(each["TableName"], each.get("Key") or each["Item"]) for _, each in writes]
        if len(keys) > 100 or len(set(keys)) < len(keys):
            raise failed("ValidationException", "TransactWriteItems")
        reasons = self.reasons(writes, keys)
        if reasons:
            raise failed("TransactionCanceledException", "TransactWriteItems", CancellationReasons=reasons)
        for (verb, each), key in zip(writes, keys, strict=True):
            self._write(key, after(verb, each, self._at(key)))
        return {}

    def reasons(self, writes: Sequence[tuple[str, Item]], keys: Sequence[Key]) -> list[Item]:
        """Why the writes cannot be made; nothing when they can."""
        reasons: list[Item] = []
        for (_, each), key in zip(writes, keys, strict=True):
            old = self._at(key)
            if holds(each, old):
                reasons.append({"Code": "None"})
            else:
                told = old and each.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
                reason: Item = {"Code": "ConditionalCheckFailed"}
                reasons.append({**reason, "Item": old} if told else reason)
        return reasons if any(each["Code"] != "None" for each in reasons) else []

    def _at(self, key: Key) -> Item | None:
        return self._partition(key[0], key[1]).get(key[2])

    def _partition(self, table: str, pk: str) -> Mapping[str, Item]:
        return self.data.get((table, pk), {})

    def _write(self, key: Key, item: Item | None) -> None:
        kept = self.data.setdefault(key[:2], {})
        if item is None:
            kept.pop(key[2], None)
        else:
            kept[key[2]] = item


def _key(table: str, item: Mapping[str, Any]) -> Key:
    return table, item["pk"]["S"], item["sk"]["S"]


# ---------------------------------------------------------------- expressions

_EXISTS: Final = re.compile(r"attribute_(not_)?exists\(([#\w]+)\)")
_COMPARED: Final = re.compile(r"([#\w]+) (>=|=) (:\w+)")
_SUM: Final = re.compile(r"(#\w+) = if_not_exists\(\1, :zero\) \+ (:\w+)")
_SET: Final = re.compile(r"(#\w+) = (:\w+)")


def holds(write: Mapping[str, Any], old: Item | None) -> bool:
    """The write's condition, on the item as it is."""
    text = write.get("ConditionExpression", "")
    names, values = write.get("ExpressionAttributeNames", {}), write.get("ExpressionAttributeValues", {})
    return all(
        any(_term(term, names, values, old or {}) for term in each.strip("()").split(" OR "))
        if " OR " in each
        else _term(each, names, values, old or {})
        for each in (text.split(" AND ") if text else ())
    )


def _term(text: str, names: Mapping[str, str], values: Mapping[str, Any], old: Item) -> bool:
    if found := _EXISTS.match(text):
        return (names.get(found[2], found[2]) in old) != bool(found[1])
    found = _COMPARED.fullmatch(text.strip("()"))
    if found is None:
        raise NotImplementedError(text)
    name, value = names.get(found[1], found[1]), values[found[3]]
    if name not in old:
        return False
    if found[2] == "=":
        return bool(_plain(old[name]) == _plain(value))
    return bool(_plain(old[name]) >= _plain(value))


def _plain(value: Mapping[str, Any]) -> Any:
    return int(value["N"]) if "N" in value else value["S"]


def after(verb: str, write: Mapping[str, Any], old: Item | None) -> Item | None:
    """The item that a write leaves."""
    if verb == "Put":
        return dict(write["Item"])
    if verb == "Delete":
        return None
    item = dict(old or write["Key"])
    names, values = write["ExpressionAttributeNames"], write.get("ExpressionAttributeValues", {})
    sets, _, removes = write["UpdateExpression"].partition("REMOVE ")
    item.update(list(_assigned(sets.strip().removeprefix("SET "), item, names, values)))
    for each in removes.split(", ") if removes else ():
        item.pop(names[each.strip()], None)
    return item


def _assigned(text: str, item: Item, names: Mapping[str, str], values: Mapping[str, Any]) -> Iterator[tuple[str, Item]]:
    for each in re.split(r", (?=#)", text) if text else ():
        # A comma within `if_not_exists(#x, :zero)` is followed by a value, one between assignments by a name.
        if found := _SUM.fullmatch(each):
            name = names[found[1]]
            yield name, {"N": str(int(item.get(name, {"N": "0"})["N"]) + int(values[found[2]]["N"]))}
        elif found := _SET.fullmatch(each):
            yield names[found[1]], values[found[2]]
        else:
            raise NotImplementedError(each)

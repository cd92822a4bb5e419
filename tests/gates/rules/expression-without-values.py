# in: layers/oms/python/oms/adapters/sample.py
from typing import Any


def read(client: Any, pk: str, clauses: list[str]) -> None:
    # ruleid: expression-without-values
    client.query(TableName="t", KeyConditionExpression=f"pk = {pk}")
    # ruleid: expression-without-values
    client.query(TableName="t", FilterExpression="pk = %s" % pk)
    # ruleid: expression-without-values
    client.query(TableName="t", ConditionExpression="pk = {}".format(pk))
    # ruleid: expression-without-values
    client.query(TableName="t", ConditionExpression="pk = " + pk)
    # ruleid: expression-without-values
    request = {"TableName": "t", "UpdateExpression": f"SET n = {pk}"}
    # ruleid: expression-without-values
    request["ConditionExpression"] = f"n = {pk}"
    # ok: expression-without-values
    client.query(TableName="t", KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": f"o#{pk}"}})
    # ok: expression-without-values
    client.update_item(**{"UpdateExpression": "SET " + ", ".join(clauses)})

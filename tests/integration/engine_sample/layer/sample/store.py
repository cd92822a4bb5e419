"""Writes marks into the sample's table, for the tests to see."""

import os

import boto3

TABLE = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def mark(kind: str, key: str, **more: object) -> None:
    TABLE.put_item(Item={"pk": f"mark#{kind}", "sk": key, **more})


def count(kind: str, key: str) -> int:
    answer = TABLE.update_item(
        Key={"pk": f"count#{kind}", "sk": key},
        UpdateExpression="ADD times :one",
        ExpressionAttributeValues={":one": 1},
        ReturnValues="UPDATED_NEW",
    )
    return int(answer["Attributes"]["times"])

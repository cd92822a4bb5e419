"""A task of the workflow: fails for a while with an error that is retried, or with one that is caught."""

from typing import Any

from sample import store


class TryAgainError(Exception):
    """Retried by its name."""


class DeclinedError(Exception):
    """Caught by its name."""


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    times = store.count("step", event["id"])
    if "declined" in event["id"]:
        raise DeclinedError("no")
    if times < 3:
        raise TryAgainError("not yet")
    return {"times": times}

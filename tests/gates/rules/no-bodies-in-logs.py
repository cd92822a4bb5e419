# in: layers/oms/python/oms/entrypoints/sample.py
import logging
from typing import Any

logger = logging.getLogger()


def handle(event: dict[str, Any], record: dict[str, Any], contact: Any, code: str) -> None:
    # ruleid: no-bodies-in-logs
    logger.info("came in", extra={"code": code, "body": record["body"]})
    # ruleid: no-bodies-in-logs
    logger.warning("refused", extra={"headers": event["headers"]})
    # ruleid: no-bodies-in-logs
    logger.error("unknown customer %s", contact.email)
    # ruleid: no-bodies-in-logs
    logger.info(event)
    # ruleid: no-bodies-in-logs
    logger.append_keys(token=record["token"])
    # ok: no-bodies-in-logs
    logger.warning("a message without a body", extra={"code": code})
    # ok: no-bodies-in-logs
    logger.info("came in", extra={"id": record["messageId"], "error": type(record).__name__})

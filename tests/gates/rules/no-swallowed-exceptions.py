# in: functions/sample/app.py
import contextlib
import logging
from typing import Any

logger = logging.getLogger()


def each(records: list[Any], work: Any) -> bool:
    for record in records:
        try:
            work(record)
        # ruleid: no-swallowed-exceptions
        except Exception:  # noqa
            pass
        try:
            work(record)
        # ruleid: no-swallowed-exceptions
        except Exception as error:
            # never mind
            continue
        try:
            work(record)
        # ruleid: no-swallowed-exceptions
        except:
            return False
        try:
            work(record)
        # ruleid: no-swallowed-exceptions
        except (Exception, KeyboardInterrupt):
            return
        # ruleid: no-swallowed-exceptions
        with contextlib.suppress(Exception):
            work(record)
        try:
            work(record)
        # ok: no-swallowed-exceptions
        except Exception:
            logger.exception("not done")
            return False
        try:
            work(record)
        # ok: no-swallowed-exceptions
        except Exception:
            raise RuntimeError("not done") from None
        try:
            work(record)
        # ok: no-swallowed-exceptions
        except KeyError:
            continue
        # ok: no-swallowed-exceptions
        with contextlib.suppress(KeyError):
            work(record)
    return True

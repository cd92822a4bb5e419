"""What the engine (MiniStack 1.5.33) does otherwise than AWS, mended in its own process at launch.

Each patch names the place it mends and why. Most replace one fragment of one function; `apply` refuses to run when a
fragment is gone, so a new engine release that mends it by itself is noticed at once, as it is by
tests/integration/test_engine_patches.py. Nothing here is needed, or used, on AWS.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import textwrap
import threading
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from infra.local import streams

if TYPE_CHECKING:
    from collections.abc import Callable

SERVICES: Final = "ministack.services."
WORKERS_PER_FUNCTION: Final = 4
"""Warm processes one function may have: each is a Python with boto3, and a laptop has few cores."""
WORKER_PATIENCE: Final = 10.0
"""Seconds to wait for a free worker before one more is started after all (a function that calls itself needs it)."""
END_OF_LOG: Final = "\x00end-of-log\x00"
"""What a worker writes to its log after each invocation, so that nobody has to guess whether more is coming."""


_REWRITTEN: Final[dict[tuple[str, str], str]] = {}
"""Sources after a rewrite, for the next one of the same function: `inspect` knows only what is in a file."""


class PatchObsoleteError(Exception):
    """The engine no longer reads as it did: the patch must be looked at, and probably dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A fragment of the engine that a patch mends: a function's source, or a string constant, that has `old` once."""

    why: str
    module: str
    name: str
    old: str

    def source(self) -> str:
        """The text that the patch is about."""
        if (self.module, self.name) in _REWRITTEN:
            return _REWRITTEN[self.module, self.name]
        module: Any = importlib.import_module(self.module)
        target: Any = functools.reduce(getattr, self.name.split("."), module)
        return target if isinstance(target, str) else textwrap.dedent(inspect.getsource(target))

    def needed(self) -> bool:
        """Whether the engine still reads as it did when the patch was written."""
        return self.source().count(self.old) == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite(Place):
    """A patch that needs nothing but `new` in the place of `old`."""

    new: str

    def apply(self) -> None:
        """Put the changed function or constant in place of the original."""
        module = importlib.import_module(self.module)
        changed = self.source().replace(self.old, self.new)
        owner_name, _, leaf = self.name.rpartition(".")
        owner = getattr(module, owner_name) if owner_name else module
        if isinstance(getattr(owner, leaf), str):
            setattr(owner, leaf, changed)
            return
        namespace: dict[str, Any] = {}
        code = compile(changed, f"{module.__file__} (patched {self.name})", "exec")
        exec(code, vars(module), namespace)  # nosec B102 # noqa: S102 - the source is the pinned engine's own
        setattr(owner, leaf, namespace[leaf])
        _REWRITTEN[self.module, self.name] = changed


REWRITES: Final[tuple[Rewrite, ...]] = (
    Rewrite(
        why="Catch and Retry name the exception's class: the worker must say it",
        module="ministack.core.lambda_runtime",
        name="_PYTHON_WORKER_SCRIPT",
        old='{"status": "error", "error": str(e), "trace": traceback.format_exc()}',
        new='{"status": "error", "error": str(e), "error_type": type(e).__name__, "trace": traceback.format_exc()}',
    ),
    Rewrite(
        why="the error name that the worker said, instead of Runtime.HandlerError for all",
        module=SERVICES + "lambda_svc",
        name="_execute_function_warm",
        old='error_type = "Runtime.HandlerError"',
        new='error_type = result.get("error_type") or "Runtime.HandlerError"',
    ),
    Rewrite(
        why="on AWS an exception leaves the environment warm; here it killed the worker",
        module="ministack.core.lambda_runtime",
        name="Worker.invoke",
        old='if response.get("status") == "error":\n            proc,',
        new='if response.get("status") == "error" and not response.get("error_type"):\n            proc,',
    ),
    Rewrite(
        why="the end of an invocation's log is marked: without it, 50 ms of waiting for a line that never comes",
        module="ministack.core.lambda_runtime",
        name="_PYTHON_WORKER_SCRIPT",
        old="            result = handler_fn(event, context)\n",
        new="            try:\n                result = handler_fn(event, context)\n            finally:\n"
        f"                sys.stderr.write({END_OF_LOG!r} + chr(10)); sys.stderr.flush()\n",
    ),
    Rewrite(
        why="a fixed pause before every execution",
        module=SERVICES + "stepfunctions",
        name="_run_execution",
        old="    time.sleep(0.15)\n",
        new="",
    ),
    Rewrite(
        why="the optimized DynamoDB integration wrote from its own thread and lost updates: run it on the event loop",
        module=SERVICES + "stepfunctions",
        name="_invoke_dynamodb",
        old="status, _, body = fn(input_data)",
        new="status, _, body = _oms_on_loop(fn, input_data)",
    ),
    Rewrite(
        why="Express workflows publish no status events",
        module=SERVICES + "stepfunctions",
        name="_emit_execution_status_event",
        old='if execution.get("sync"):',
        new='if execution.get("sync") or _oms_is_express(execution["stateMachineArn"]):',
    ),
    Rewrite(
        why="an HTTP API answers a failed function with 500 and no detail, not with 502 and the exception",
        module=SERVICES + "apigateway",
        name="_invoke_lambda_proxy",
        old="lambda_response, _ = lambda_svc.lambda_execute_result_to_api_proxy_response(result)",
        new="lambda_response, _ = _oms_proxy_response(result)",
    ),
    Rewrite(
        why="payload format 2.0 carries cookies in their own list",
        module=SERVICES + "apigateway",
        name="_invoke_lambda_proxy",
        old='"headers": dict(headers),',
        new="**_oms_split_cookies(headers),",
    ),
    Rewrite(
        why="EventBridge Scheduler fills in its context attributes, <aws.scheduler.scheduled-time> and others",
        module=SERVICES + "scheduler",
        name="_tick_schedules",
        old='target = sched.get("Target") or {}\n',
        new="target = _oms_fill_in(sched, now)\n",
    ),
)


PLACES: Final[tuple[Place, ...]] = (
    Place(
        why="_read_log_to_its_end: waits 50 ms for a first line",
        module="ministack.core.lambda_runtime",
        name="Worker._drain_stderr_bounded",
        old="first_line_wait: float = 0.050",
    ),
    Place(
        why="_wait_for_a_free_worker: starts one more process whenever all are busy, without limit",
        module="ministack.core.lambda_runtime",
        name="acquire_worker",
        old="cap = max_concurrency or _LOCAL_MAX_WORKERS\n",
    ),
    Place(
        why="_serialize_queues: appends without the lock under which other threads rebuild the list",
        module=SERVICES + "sqs",
        name="_act_send_message",
        old='\n    q["messages"].append(msg)\n    esm_wake.set()\n',
    ),
    Place(
        why="_keep_stream_records: the saved state ends without the streams",
        module=SERVICES + "dynamodb",
        name="get_state",
        old='"imports": copy.deepcopy(_imports),\n    }\n',
    ),
    Place(
        why="streams.install: invokes the function on the thread that polls every queue, and reads no partial response",
        module=SERVICES + "lambda_svc",
        name="_poll_dynamodb_streams",
        old='if result.get("error"):\n',
    ),
    Place(
        why="_tick_schedules_each_second: sleeps for a fixed interval, ten seconds",
        module=SERVICES + "scheduler",
        name="_ticker_loop",
        old="time.sleep(_SCHEDULE_TICK_INTERVAL)",
    ),
)
"""Where the patches are that are written as code below."""


def apply() -> None:
    """Mend the engine that is loaded in this process; call before it serves."""
    for place in (*REWRITES, *PLACES):
        if not place.needed():
            raise PatchObsoleteError(f"{place.module}.{place.name}: {place.why}")
    _provide_helpers()
    for rewrite in REWRITES:
        rewrite.apply()
    _read_log_to_its_end()
    _wait_for_a_free_worker()
    _poll_at_once()
    _serialize_queues()
    _keep_stream_records()
    _tick_schedules_each_second()
    streams.install()


def _service(name: str) -> Any:
    return importlib.import_module(SERVICES + name)


def _provide_helpers() -> None:
    """Hand the rewritten functions what they now call."""
    stepfunctions = _service("stepfunctions")
    apigateway = _service("apigateway")
    lambda_svc = _service("lambda_svc")
    app = importlib.import_module("ministack.app")

    def on_loop(function: Callable[..., Any], *args: object) -> Any:
        async def call(*_: object) -> Any:
            return function(*args)

        return app.call_service_handler_sync(call, "", "", {}, b"", {})

    def proxy_response(result: dict[str, Any]) -> Any:
        if result.get("error") and not result.get("throttle"):
            headers = {"content-type": "application/json"}
            return {"statusCode": 500, "headers": headers, "body": '{"message":"Internal Server Error"}'}, None
        return lambda_svc.lambda_execute_result_to_api_proxy_response(result)

    def split_cookies(headers: dict[str, str]) -> dict[str, Any]:
        rest = {name: value for name, value in headers.items() if name != "cookie"}
        cookies = headers.get("cookie")
        return {"headers": rest, "cookies": cookies.split("; ")} if cookies else {"headers": rest}

    def fill_in(schedule: dict[str, Any], now: float) -> dict[str, Any]:
        target = dict(schedule.get("Target") or {})
        attributes = {
            "schedule-arn": schedule.get("Arn", ""),
            "scheduled-time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
            "execution-id": uuid.uuid4().hex,
            "attempt-number": "1",
        }
        for name, value in attributes.items():
            if "Input" in target:
                target["Input"] = target["Input"].replace(f"<aws.scheduler.{name}>", value)
        return target

    def is_express(arn: str) -> bool:
        return bool((stepfunctions._state_machines.get(arn) or {}).get("type") == "EXPRESS")

    vars(stepfunctions).update(_oms_on_loop=on_loop, _oms_is_express=is_express)
    vars(_service("scheduler")).update(_oms_fill_in=fill_in)
    vars(apigateway).update(_oms_proxy_response=proxy_response, _oms_split_cookies=split_cookies)


def _read_log_to_its_end() -> None:
    """core/lambda_runtime.py `Worker._drain_stderr_bounded`: read up to the mark instead of waiting for silence."""
    runtime = importlib.import_module("ministack.core.lambda_runtime")

    def drain(worker: Any, patience: float = 0.25) -> str:
        lines: list[str] = []
        if worker._proc is None:  # it died, nothing will be marked
            return str(worker._drain_stderr())
        deadline = time.monotonic() + patience
        while (left := deadline - time.monotonic()) > 0:
            try:
                line = worker._stderr_queue.get(timeout=left)
            except runtime.queue.Empty:
                break
            text, mark, _ = line.partition(END_OF_LOG)
            if text or not mark:
                lines.append(text)
            if mark:
                break
        return "\n".join(lines)

    runtime.Worker._drain_stderr_bounded = drain


def _wait_for_a_free_worker() -> None:
    """services/lambda_svc.py `acquire_worker`: it started a process per concurrent call, 50 of them for 50 requests."""
    lambda_svc = _service("lambda_svc")
    acquire = lambda_svc.acquire_worker

    def patient(*args: Any, **kwargs: Any) -> Any:
        deadline = time.monotonic() + WORKER_PATIENCE
        while time.monotonic() < deadline:
            worker, reason = acquire(*args, max_concurrency=WORKERS_PER_FUNCTION, **kwargs)
            if worker is not None:
                return worker, reason
            time.sleep(0.002)
        return acquire(*args, **kwargs)

    lambda_svc.acquire_worker = patient
    # a queue's share of them; AWS starts with five pollers, each a process here
    lambda_svc._ESM_SQS_DEFAULT_CONCURRENCY = 2


def _poll_at_once() -> None:
    """services/lambda_svc.py `_poll_loop`: rests 50 ms after a wake that found nothing, which is most of them."""
    _service("lambda_svc")._ESM_IDLE_WAKE_GAP_SECONDS = 0.004


def _serialize_queues() -> None:
    """services/sqs.py: threads rebuilt a queue's list of messages while the event loop appended to the old one.

    A message that arrived in between was lost. One lock around everything that appends or rebuilds.
    """
    sqs = _service("sqs")
    eventbridge = _service("eventbridge")
    lock = threading.RLock()

    def locked(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with lock:
                return function(*args, **kwargs)

        return call

    for action in ("send_message", "send_message_batch", "delete_message", "delete_message_batch", "purge_queue"):
        name = f"_act_{action}"
        setattr(sqs, name, locked(getattr(sqs, name)))
        sqs._HANDLERS["".join(word.title() for word in action.split("_"))] = getattr(sqs, name)
    for name in (
        "_receive_messages_for_esm",
        "_delete_messages_for_esm",
        "_dlq_sweep",
        "_expire_retained",
        "_collect_msgs",
    ):
        setattr(sqs, name, locked(getattr(sqs, name)))
    eventbridge._dispatch_to_sqs = locked(eventbridge._dispatch_to_sqs)


def _keep_stream_records() -> None:
    """services/dynamodb.py `get_state`: a restart lost the stream records but kept the readers' positions.

    So the first commits after a restart were skipped, as many as there had been before it.
    """
    dynamodb = _service("dynamodb")
    get_state, load = dynamodb.get_state, dynamodb.load_persisted_state

    def get_state_with_streams() -> dict[str, Any]:
        state: dict[str, Any] = get_state()
        return state | {"stream_records": dynamodb._stream_records, "stream_trimmed": dynamodb._stream_trimmed}

    def load_with_streams(data: dict[str, Any]) -> None:
        load(data)
        for store, key in ((dynamodb._stream_records, "stream_records"), (dynamodb._stream_trimmed, "stream_trimmed")):
            if key in data:  # not in a state saved without this patch
                store.update(data[key])

    dynamodb.get_state, dynamodb.load_persisted_state = get_state_with_streams, load_with_streams


def _tick_schedules_each_second() -> None:
    """services/scheduler.py and eventbridge.py look for due schedules every ten seconds only."""
    for module, name in (("scheduler", "_SCHEDULE_TICK_INTERVAL"), ("eventbridge", "_SCHEDULER_TICK_INTERVAL")):
        setattr(_service(module), name, 1)

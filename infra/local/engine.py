"""Starts and stops the AWS engine (MiniStack, patched) as a child process on this machine's loopback address."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import socket
import subprocess  # nosec B404 # of the engine alone
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Self

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from types import TracebackType

ROOT: Final = Path(__file__).resolve().parents[2]
HOST: Final = "127.0.0.1"
REGION: Final = "us-east-1"
DEFAULT_PORT: Final = 4566
DEFAULT_API_PORT: Final = 8080
PORTS: Final = range(20_000, 32_000)
"""Below those that Linux (32768), macOS and Windows (49152) take for connections."""
START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 60.0
KEPT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "VIRTUAL_ENV")
"""What the engine and the functions see of our environment: no credentials, profiles or endpoints of a real account."""


class EngineError(Exception):
    """The engine cannot be started or stopped; the message says what to do."""


def free_port() -> int:
    """A port that nobody listens on, and that no system gives to a connection by itself before the engine listens."""
    for port in random.sample(PORTS, k=100):  # nosec B311 # a port is no secret
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise EngineError(f"no port of a hundred between {PORTS.start} and {PORTS.stop} is free")


@dataclass(slots=True, kw_only=True)
class Engine:
    """One running engine. A context manager; `persist` keeps the state in `state` over a clean stop."""

    state: Path
    port: int = DEFAULT_PORT
    api_port: int = DEFAULT_API_PORT
    persist: bool = True
    log_level: str = "INFO"
    environment: dict[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None
    _lock: IO[str] | None = None

    @property
    def endpoint(self) -> str:
        """Where the AWS APIs answer."""
        return f"http://{HOST}:{self.port}"

    @property
    def api_url(self) -> str:
        """Where the deployed HTTP API answers, at its root."""
        return f"http://{HOST}:{self.api_port}"

    @property
    def log(self) -> Path:
        """What the engine, and every function, wrote."""
        return self.state / "engine.log"

    def client(self, service: str) -> Any:
        """A boto3 client of this engine."""
        return client(service, self.endpoint)

    def start(self) -> Self:
        """Start, and return once it answers."""
        self.state.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            for port, name in ((self.port, "engine"), (self.api_port, "API")):
                _check_port(port, name)
            for folder in ("data", "s3", "tmp"):
                (self.state / folder).mkdir(exist_ok=True)
            if self.log.exists():
                self.log.replace(self.log.with_suffix(".log.1"))
            with self.log.open("wb") as log:
                self._process = subprocess.Popen(  # nosec B603 # our own module, no text from outside
                    [sys.executable, "-m", "infra.local.launch"],
                    cwd=ROOT,
                    env=self._environment(),
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C is for us: we stop it cleanly
                )
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop; with `persist`, once the state is on disk."""
        process, self._process = self._process, None
        try:
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                    raise EngineError(f"the engine did not stop in {STOP_SECONDS:.0f} s; see {self.log}") from None
        finally:
            if process is not None and process.stdin is not None:
                process.stdin.close()
            if self._lock is not None:
                self._lock.close()
                self._lock = None

    def running(self) -> bool:
        """Whether the process still lives."""
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop."""
        self.stop()

    def _environment(self) -> dict[str, str]:
        return {
            **{name: os.environ[name] for name in KEPT if name in os.environ},
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(self.port),
            "OMS_API_PORT": str(self.api_port),
            "OMS_LOCAL": "1",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": "unix:///nonexistent",  # nothing here needs containers; looking for them takes time
            "LAMBDA_ACCOUNT_CONCURRENCY": "0",
            "LOG_LEVEL": self.log_level,
            "MINISTACK_REGION": REGION,
            "PERSIST_STATE": "1" if self.persist else "0",
            "S3_PERSIST": "1" if self.persist else "0",
            "STATE_DIR": str((self.state / "data").resolve()),
            "S3_DATA_DIR": str((self.state / "s3").resolve()),
            "TMPDIR": str((self.state / "tmp").resolve()),
            "PYTHONUNBUFFERED": "1",
            **self.environment,
        }

    def _take_lock(self) -> None:
        lock = (self.state / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise EngineError(f"another engine is running on the state in {self.state}; stop it first") from None
        self._lock = lock

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not self.running():
                raise EngineError(f"the engine ended at its start; the end of {self.log}:\n{self._log_end()}")
            try:
                with urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=2):  # nosec B310 # noqa: S310 - loopback
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.03)
        raise EngineError(f"the engine did not answer in {START_SECONDS:.0f} s; see {self.log}")

    def _log_end(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


def client(service: str, endpoint: str) -> Any:
    """A boto3 client of an engine, whatever the environment says about real accounts."""
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # nosec B106 # noqa: S106 - the engine asks for one and checks none
        config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}, max_pool_connections=50),
    )


def _check_port(port: int, name: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            message = f"port {port}, for the {name}, is taken or not allowed ({error.strerror}); choose another"
            raise EngineError(message) from None

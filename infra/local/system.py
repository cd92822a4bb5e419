"""A deployed system as the command line sees it: where it answers, its tables and secrets, and who may call it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import boto3
import urllib3

from infra.local.engine import ROOT, client

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from infra.local.deploy import Deployment

STATE: Final = ROOT / ".local"
RUNNING: Final = STATE / "system.json"
TIMEOUT: Final = urllib3.Timeout(connect=3, read=30)
KEYS: Final = ("customer_key", "session_key", "webhook_key")
TOKEN_LIFE_S: Final = 3000


class SystemMissingError(Exception):
    """Nothing is running here that this command could talk to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP answer; `document` is the parsed JSON body, or None."""

    status: int
    document: Any
    headers: Mapping[str, str]


@dataclass(slots=True)
class System:
    """One deployment, on this machine (`endpoint`) or on AWS (no endpoint)."""

    api_url: str
    outputs: Mapping[str, str]
    endpoint: str = ""
    sandbox_url: str = ""
    _tokens: dict[str, tuple[float, str]] = field(default_factory=dict)
    _pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=16, timeout=TIMEOUT))

    def client(self, service: str) -> Any:
        """An AWS client for where the system runs."""
        make: Any = boto3.client
        return client(service, self.endpoint) if self.endpoint else make(service)

    def call(
        self,
        method: str,
        path: str,
        document: Any = None,
        *,
        role: str = "",
        key: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Reply:
        """Call the HTTP API, as `role` when one is given, with an Idempotency-Key when one is given."""
        sent = {"accept": "application/json", **(headers or {})}
        if role:
            sent["authorization"] = f"Bearer {self.token(role)}"
        if key:
            sent["idempotency-key"] = key
        if body is None and document is not None:
            body = json.dumps(document).encode()
            sent.setdefault("content-type", "application/json")
        answer = self._pool.request(
            method, self.api_url + path, body=body, headers=sent, redirect=False, retries=False, preload_content=True
        )
        try:
            parsed = json.loads(answer.data) if answer.data else None
        except ValueError:
            parsed = None
        return Reply(status=answer.status, document=parsed, headers=dict(answer.headers))

    def token(self, role: str) -> str:
        """A staff token for a role, kept until shortly before it ends."""
        kept = self._tokens.get(role)
        if kept is None or time.monotonic() - kept[0] > TOKEN_LIFE_S:
            kept = (time.monotonic(), self.sign_in(role, f"{role}-cli")[1])
            self._tokens[role] = kept
        return kept[1]

    def sign_in(self, role: str, name: str) -> tuple[str, str]:
        """(password, token) of the user `name`, who gets `role` and, each time, a new password."""
        cognito = self.client("cognito-idp")
        pool = self.outputs["StaffPoolId"]
        password = f"Aa1-{secrets.token_urlsafe(18)}"
        with contextlib.suppress(cognito.exceptions.UsernameExistsException):
            cognito.admin_create_user(
                UserPoolId=pool, Username=name, TemporaryPassword=password, MessageAction="SUPPRESS"
            )
        cognito.admin_set_user_password(UserPoolId=pool, Username=name, Password=password, Permanent=True)
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName=role)
        answer = cognito.admin_initiate_auth(
            UserPoolId=pool,
            ClientId=self.outputs["StaffClientId"],
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": name, "PASSWORD": password},
        )
        return password, str(answer["AuthenticationResult"]["IdToken"])

    def read_secret(self, output: str) -> dict[str, Any]:
        """The document of a secret."""
        answer = self.client("secretsmanager").get_secret_value(SecretId=self.outputs[output])
        document: dict[str, Any] = json.loads(answer["SecretString"])
        return document

    def write_secret(self, output: str, document: Mapping[str, Any]) -> None:
        """Replace the document of a secret."""
        self.client("secretsmanager").put_secret_value(SecretId=self.outputs[output], SecretString=json.dumps(document))

    def make_keys(self) -> None:
        """Give the system its own keys, each once."""
        document = self.read_secret("KeysSecret")
        made: dict[str, Any] = {name: secrets.token_urlsafe(32) for name in KEYS if name not in document}
        if "status_links" not in document:
            made |= {"status_links": {"current": "k1", "key:k1": secrets.token_urlsafe(32)}}
        if made:
            self.write_secret("KeysSecret", {**document, **made})

    def save(self, path: Path = RUNNING) -> None:
        """Remember where the system runs, for the other commands."""
        path.parent.mkdir(parents=True, exist_ok=True)
        known = {"api_url": self.api_url, "endpoint": self.endpoint, "sandbox_url": self.sandbox_url}
        path.write_text(json.dumps({**known, "outputs": dict(self.outputs)}, indent=2))


def of_deployment(deployment: Deployment, sandbox_url: str = "") -> System:
    """The system that was just deployed to the engine."""
    return System(deployment.api_url, deployment.outputs, deployment.endpoint, sandbox_url)


def find() -> System:
    """The system that `STACK` names on AWS, else the one that runs on this machine; raises SystemMissingError."""
    stack = os.environ.get("STACK", "")
    if stack:
        make: Any = boto3.client
        described = make("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in described["Outputs"]}
        return System(outputs["ApiUrl"], outputs)
    if not RUNNING.exists():
        raise SystemMissingError("no system runs on this machine: start it with `make run` in another terminal")
    return System(**json.loads(RUNNING.read_text()))

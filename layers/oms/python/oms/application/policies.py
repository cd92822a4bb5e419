"""Policies saved by versions: validated whole, each on top of the one its author saw, once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Final

from oms.domain import masters
from oms.domain.errors import (
    IdempotencyKeyReusedError,
    InvalidPolicyError,
    PolicyOutdatedError,
    PolicyVersionNotFoundError,
    VersionConflictError,
)
from oms.domain.frozen import frozen
from oms.domain.sourcing.rules import BUILT_IN
from oms.domain.sourcing.rules_check import Problem, problems

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.application.ports import Clock, Policies, Reference

SOURCING: Final = "sourcing"
RETURNS: Final = "returns"
OUTDATED: Final = "this is not the version that holds: look at it again"
MAX_BYTES: Final = 100_000
MAX_TOLD: Final = 200
"""Problems that one answer names."""
NO_DOCUMENT: Final[Mapping[str, Any]] = {
    "version": 0,
    "document": {"rules": [{"name": BUILT_IN.name, "then": {"policy": "nearest_complete"}}]},
}
"""What holds while nothing was saved, written as it would be saved."""


@frozen(kw_only=False)
class ManagePolicy:
    """What is saved takes effect within the seconds for which reference data is kept."""

    policies: Policies
    reference: Reference
    now: Clock

    name: ClassVar[str]
    nothing: ClassVar[Mapping[str, Any]]
    """What holds while nothing was saved."""

    def _problems(self, document: Mapping[str, Any]) -> tuple[Problem, ...]:
        raise NotImplementedError

    def show(self) -> Mapping[str, Any]:
        """The current version."""
        return self.policies.current(self.name) or self.nothing

    def version(self, number: int) -> Mapping[str, Any]:
        """One that was saved; raises PolicyVersionNotFoundError."""
        saved = self.policies.version(self.name, number)
        if saved is None:
            raise PolicyVersionNotFoundError("no such version was saved", version=number)
        return saved

    def save(self, key: str, document: Mapping[str, Any], expected: int, actor: str) -> dict[str, Any]:
        """Save a document as version `expected` + 1; {…, 'replayed'} when this key did before.

        Raises InvalidPolicyError with every problem, PolicyOutdatedError when `expected` is not the current version,
        IdempotencyKeyReusedError.
        """
        return self._save(key, {"document": document}, expected, actor)

    def roll_back(self, key: str, to_version: int, expected: int, actor: str) -> dict[str, Any]:
        """Save an earlier version's document again, as version `expected` + 1.

        Raises what `save` raises: nodes may have gone since; and PolicyVersionNotFoundError.
        """
        document = self.version(to_version)["document"]
        return self._save(key, {"document": document, "rolled_back_to": to_version}, expected, actor)

    def _save(self, key: str, content: Mapping[str, Any], expected: int, actor: str) -> dict[str, Any]:
        if (done := self._replayed(key, content, expected)) is not None:
            return done
        self._check(content["document"])
        saved = {"version": expected + 1, **content, "at": self.now().isoformat(), "by": actor, "key": key}
        try:
            self.policies.save(self.name, saved)
        except VersionConflictError:
            # An answer that was lost on its way, perhaps: then it is this very version that stands there.
            if (done := self._replayed(key, content, expected)) is not None:
                return done
            raise PolicyOutdatedError(OUTDATED, expected_version=expected) from None
        return {**saved, "replayed": False}

    def _replayed(self, key: str, content: Mapping[str, Any], expected: int) -> dict[str, Any] | None:
        done = self.policies.version(self.name, expected + 1)
        if done is None:
            return None
        if done["key"] != key:
            raise PolicyOutdatedError(OUTDATED, expected_version=expected)
        if any(done.get(name) != value for name, value in content.items()):
            raise IdempotencyKeyReusedError("this Idempotency-Key was used for another document")
        return {**done, "replayed": True}

    def _check(self, document: Mapping[str, Any]) -> None:
        found = self._problems(document)
        if not found and len(json.dumps(document)) > MAX_BYTES:
            found = (Problem("field", f"the document is larger than {MAX_BYTES} bytes"),)
        if found:
            more = {"more": len(found) - MAX_TOLD} if len(found) > MAX_TOLD else {}
            found = found[:MAX_TOLD]
            told = [
                {"code": each.code, "rules": list(each.rules), "at": each.at, "message": each.message} for each in found
            ]
            raise InvalidPolicyError("this document has problems", problems=told, **more)


@frozen(kw_only=False)
class ManageSourcing(ManagePolicy):
    """The rules of sourcing."""

    name: ClassVar[str] = SOURCING
    nothing: ClassVar[Mapping[str, Any]] = NO_DOCUMENT

    def _problems(self, document: Mapping[str, Any]) -> tuple[Problem, ...]:
        nodes = {known.candidate.node_id: not known.candidate.excluded for known in self.reference.network().nodes}
        return problems(document, nodes)


@frozen(kw_only=False)
class ManageIntegrations(ManagePolicy):
    """Which integrations there are, and what each is master of."""

    name: ClassVar[str] = masters.POLICY
    nothing: ClassVar[Mapping[str, Any]] = {"version": 0, "document": {"integrations": []}}

    def _problems(self, document: Mapping[str, Any]) -> tuple[Problem, ...]:
        return masters.problems(document, [each.node_id for each in self.reference.nodes({})])


@frozen(kw_only=False)
class ManageReturnRules(ManagePolicy):
    """What may be returned, and on what terms."""

    name: ClassVar[str] = RETURNS
    nothing: ClassVar[Mapping[str, Any]] = {"version": 0, "document": {"rules": []}}

    def _problems(self, document: Mapping[str, Any]) -> tuple[Problem, ...]:
        from oms.domain.return_policy_check import problems as problems_of_returns

        return problems_of_returns(document, [each.node_id for each in self.reference.nodes({})])


def shown(saved: Mapping[str, Any]) -> dict[str, Any]:
    """A version as it is told: without the key that saved it."""
    return {name: value for name, value in saved.items() if name != "key"}

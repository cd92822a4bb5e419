"""I12: whatever a client sends, it is not answered with a failure; every refusal is a problem document (RFC 9457).

Assistants talk JSON-RPC: what they are refused is an error of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.proof.invariants.evidence import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.proof.invariants.evidence import Answer

NEEDED: Final[Mapping[str, type]] = {"type": str, "title": str, "status": int, "code": str, "retryable": bool}
COME_AGAIN: Final = frozenset({429, 503})
"""What a client may be told while something that we depend on fails."""
GATEWAY: Final = frozenset({401, 403, 404, 405, 413, 415})
"""Refused by the HTTP API in front of us, which words it `{"message": …}`."""
ASSISTANTS: Final = "/mcp"


def well_answered(answers: Iterable[Answer], *, faults: bool = False) -> Iterator[Finding]:
    """Findings of every answer. With `faults`, 429 and 503 that say so are fine."""
    for each in answers:
        problem = _wrong(each, faults=faults)
        if problem:
            yield Finding(invariant="I12", detail=f"{each.method} {each.path[:120]} → {each.status}: {problem}")


def _wrong(answer: Answer, *, faults: bool) -> str:
    if answer.status < 400:
        return ""
    document = answer.document if isinstance(answer.document, dict) else {}
    code = str(document.get("code", ""))
    if answer.status >= 500 and not code.startswith("upstream") and not (faults and answer.status in COME_AGAIN):
        return f"a failure: {document or answer.content_type}"
    if answer.content_type.startswith("text/html") or (answer.status in GATEWAY and set(document) == {"message"}):
        return ""
    if faults and answer.status in COME_AGAIN and set(document) == {"message"}:
        return ""
    if answer.path.partition("?")[0] == ASSISTANTS:
        return _not_of_json_rpc(document, answer)
    return _not_a_problem(document, answer)


def _not_of_json_rpc(document: Mapping[str, Any], answer: Answer) -> str:
    error = document.get("error")
    if not answer.content_type.startswith("application/json") or document.get("jsonrpc") != "2.0":
        return f"no message of JSON-RPC but {answer.content_type or 'nothing'}"
    if not isinstance(error, dict) or type(error.get("code")) is not int or type(error.get("message")) is not str:
        return "no error of JSON-RPC"
    return "tells of our code" if "Traceback" in str(document) or 'File "' in str(document) else ""


def _not_a_problem(document: Mapping[str, Any], answer: Answer) -> str:
    if not answer.content_type.startswith("application/problem+json"):
        return f"no problem document but {answer.content_type or 'nothing'}"
    unlike = [name for name, kind in NEEDED.items() if type(document.get(name)) is not kind]
    if unlike:
        return f"without {', '.join(unlike)}"
    if document["status"] != answer.status or not document["type"].startswith("urn:oms:problem:"):
        return f"says {document['status']} {document['type']}"
    if "Traceback" in str(document) or 'File "' in str(document):
        return "tells of our code"
    return ""

"""What is wrong with a document of rules: all of it, each with the names of the rules that it is about.

code          what
no_rules      there is no rule, or too many
no_default    the last rule has conditions: some orders have no rule
name          a rule without a usable name, or two of one name
unknown       a field that nobody reads
field         a value that its field cannot have
contradiction conditions, or parts of what follows, that cannot hold together
unreachable   rules before it take every order that it asks for; they are named
no_node       no node is left, or a node that there is not
weights       NaN, negative, no whole number, too large, or all zero
policy        no policy and no weights, both, or an unknown policy
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from oms.domain.frozen import frozen
from oms.domain.sourcing.check import MAX_COST, MAX_WEIGHT
from oms.domain.sourcing.reach import Effort, covering
from oms.domain.sourcing.rules import B2B, B2C, CUT_OFF, MAX_MINUTES, POLICIES, RANGES, SETS, WORDS, Short

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MOST_PIECES: Final = 50_000
"""Effort of finding what no order reaches in one document; what is not found by then is taken to be reachable."""
MAX_RULES: Final = 100
MAX_WORDS: Final = 1000
MAX_TEXT: Final = 200
MAX_NUMBER: Final = 10**15
MAX_DAYS: Final = 365
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,59}", re.ASCII)
_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_WEIGHTS: Final = ("money", "parcel", "reach", "piece", "carry", "load")
_NUMBERS: Final = tuple(name for pair in RANGES.values() for name in pair)
_DOCUMENT: Final = ("rules", "extra_parcel", "union", "b2b")
_RULE: Final = ("name", "when", "then", "after", "release")
_WHEN: Final = (*WORDS, *SETS, "currency", *_NUMBERS)
_THEN: Final = ("policy", "weights", "split_lines", "max_parcels", "extra_parcel", "nodes", "not_nodes")
_AFTER: Final = ("short", "wait_minutes", "cancel_after_days")
_RELEASE: Final = ("wait_minutes", "until")


@frozen(kw_only=False)
class Problem:
    """What is wrong; `rules` are the names of those concerned, `at` the field."""

    code: str
    message: str
    rules: tuple[str, ...] = ()
    at: str = ""


def problems(document: object, nodes: Mapping[str, bool] | None = None) -> tuple[Problem, ...]:
    """Everything that is wrong with a document; `nodes` says of each whether it may be used, if that is known."""
    if not isinstance(document, dict):
        return (Problem("field", "the document is not an object"),)
    rules = document.get("rules")
    found = [*_unknown(document, _DOCUMENT, "", ""), *_costs(document)]
    if not isinstance(rules, list) or not 0 < len(rules) <= MAX_RULES:
        return (*found, Problem("no_rules", f"a document has 1 to {MAX_RULES} rules", at="rules"))
    names = [_name_of(rule, number) for number, rule in enumerate(rules, start=1)]
    sound: list[tuple[str, Mapping[str, Any]]] = []
    effort = Effort(MOST_PIECES)
    for name, rule in zip(names, rules, strict=True):
        if not isinstance(rule, dict):
            found.append(Problem("field", "a rule is not an object", (name,)))
            continue
        found.extend(_named(rule, name, names))
        wrong = [*_when(rule.get("when", {}), name), *_firms(document, rule.get("when", {}), name)]
        found += [*wrong, *_then(rule.get("then"), name, nodes or {}), *_after(rule.get("after", {}), name)]
        found += _release(rule.get("release", {}), name)
        if not wrong:
            found.extend(_reached(sound, rule.get("when", {}), name, effort))
            sound.append((name, rule.get("when", {})))
    last = rules[-1]
    if isinstance(last, dict) and last.get("when"):
        found.append(
            Problem("no_default", "the last rule is for all orders: it has no conditions", (names[-1],), "when")
        )
    return tuple(found)


def _name_of(rule: object, number: int) -> str:
    name = rule.get("name") if isinstance(rule, dict) else None
    return name[:60] if isinstance(name, str) and name else f"rule {number}"


def _named(rule: Mapping[str, Any], name: str, names: list[str]) -> Iterator[Problem]:
    yield from _unknown(rule, _RULE, name, "")
    told = rule.get("name")
    if not isinstance(told, str) or not _NAME.fullmatch(told):
        yield Problem("name", "a rule has a name of up to 60 letters, digits, spaces and -._", (name,), "name")
    elif names.count(told) > 1:
        yield Problem("name", "two rules of one name", (name,), "name")


def _unknown(part: Mapping[str, Any], known: Sequence[str], rule: str, where: str) -> Iterator[Problem]:
    for field in sorted(str(each) for each in set(part) - set(known)):
        at = f"{where}.{field[:60]}" if where else field[:60]
        yield Problem("unknown", "a field that nobody reads", (rule,) if rule else (), at)


def _is_whole(value: object, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _is_words(value: object) -> bool:
    return (
        isinstance(value, list)
        and 0 < len(value) <= MAX_WORDS
        and all(isinstance(word, str) and 0 < len(word) <= MAX_TEXT for word in value)
    )


def _costs(document: Mapping[str, Any]) -> Iterator[Problem]:
    if not _is_whole(document.get("extra_parcel", 0), 0, MAX_COST):
        yield Problem("field", f"a whole number of minor units up to {MAX_COST}", at="extra_parcel")
    accounts = document.get("b2b", [])
    if accounts != [] and not (_is_words(accounts) and all("/" in each for each in accounts)):
        yield Problem("field", "a list of accounts, each as channel/account", at="b2b")
    union = document.get("union", [])
    if union != [] and not (_is_words(union) and all(_COUNTRY.fullmatch(each) for each in union)):
        yield Problem("field", "a list of countries by their two capital letters", at="union")


def _when(when: object, name: str) -> Iterator[Problem]:
    """Each condition by itself, then together."""
    if not isinstance(when, dict):
        yield Problem("field", "conditions are an object", (name,), "when")
        return
    yield from _unknown(when, _WHEN, name, "when")
    wrong = [*_words(when, name), *_numbers(when, name)]
    yield from wrong
    if wrong:
        return
    for low, high in RANGES.values():
        if when.get(low, 0) > when.get(high, MAX_NUMBER):
            yield Problem("contradiction", f"{low} is above {high}: no order is both", (name,), f"when.{low}")
    if ("total_from" in when or "total_to" in when) and "currency" not in when:
        yield Problem("contradiction", "a total is compared in one currency: name it", (name,), "when.currency")


def _firms(document: Mapping[str, Any], when: object, name: str) -> Iterator[Problem]:
    if isinstance(when, dict) and when.get("customers") == [B2B] and not document.get("b2b"):
        message = "no account sells to firms: b2b names none, and no order is"
        yield Problem("contradiction", message, (name,), "when.customers")


def _words(when: Mapping[str, Any], name: str) -> Iterator[Problem]:
    for field in (*WORDS, *SETS):
        if field not in when:
            continue
        words = when[field]
        if words == []:
            yield Problem("contradiction", "none of no words: no order meets this", (name,), f"when.{field}")
        elif not _is_words(words):
            yield Problem("field", f"a list of up to {MAX_WORDS} words", (name,), f"when.{field}")
        elif field == "countries" and not all(_COUNTRY.fullmatch(word) for word in words):
            yield Problem("field", "countries by their two capital letters", (name,), f"when.{field}")
        elif field == "customers" and not set(words) <= {B2B, B2C}:
            yield Problem("field", f"customers are {B2B} or {B2C}", (name,), f"when.{field}")


def _numbers(when: Mapping[str, Any], name: str) -> Iterator[Problem]:
    currency = when.get("currency", "EUR")
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        yield Problem("field", "a currency by its three capital letters", (name,), "when.currency")
    for field in _NUMBERS:
        if not _is_whole(when.get(field, 0), 0, MAX_NUMBER):
            yield Problem("field", f"a whole number up to {MAX_NUMBER}", (name,), f"when.{field}")


def _then(then: object, name: str, nodes: Mapping[str, bool]) -> Iterator[Problem]:
    if not isinstance(then, dict):
        yield Problem("policy", "a rule says by which policy: then", (name,), "then")
        return
    yield from _unknown(then, _THEN, name, "then")
    if ("policy" in then) == ("weights" in then):
        yield Problem("policy", "either a policy or weights", (name,), "then")
    if "policy" in then and (not isinstance(then["policy"], str) or then["policy"] not in POLICIES):
        yield Problem("policy", f"policies are {', '.join(POLICIES)}", (name,), "then.policy")
    if "weights" in then:
        yield from _weights(then["weights"], name)
    if not isinstance(then.get("split_lines", True), bool):
        yield Problem("field", "true or false", (name,), "then.split_lines")
    for field, low, high in (("max_parcels", 1, 1000), ("extra_parcel", 0, MAX_COST)):
        if field in then and not _is_whole(then[field], low, high):
            yield Problem("field", f"a whole number from {low} to {high}", (name,), f"then.{field}")
    yield from _nodes(then, name, nodes)


def _weights(weights: object, name: str) -> Iterator[Problem]:
    if not isinstance(weights, dict):
        yield Problem("weights", "weights are an object", (name,), "then.weights")
        return
    yield from _unknown(weights, _WEIGHTS, name, "then.weights")
    for field in _WEIGHTS:
        weight = weights.get(field, 0)
        if not _is_whole(weight, 0, MAX_WEIGHT):
            nan = isinstance(weight, float) and weight != weight  # noqa: PLR0124 - what NaN is
            why = "NaN" if nan else "negative" if _is_whole(weight, -(10**99), -1) else "no whole number in range"
            yield Problem("weights", f"a weight that is {why}", (name,), f"then.weights.{field}")
    if not any(weights.get(field, 0) for field in _WEIGHTS):
        yield Problem("weights", "all weights are zero: nothing counts", (name,), "then.weights")


def _nodes(then: Mapping[str, Any], name: str, known: Mapping[str, bool]) -> Iterator[Problem]:
    wrong = [field for field in ("nodes", "not_nodes") if then.get(field, []) != [] and not _is_words(then[field])]
    for field in wrong:
        yield Problem("field", "a list of nodes", (name,), f"then.{field}")
    if wrong:
        return
    only, never = then.get("nodes"), set(then.get("not_nodes", ()))
    unknown = sorted((set(only or ()) | never) - set(known)) if known else []
    for node in unknown:
        yield Problem("no_node", f"there is no node {node[:60]}", (name,), "then.nodes")
    usable = {node for node, may in known.items() if may}
    left = (usable if only is None else set(only) & usable if known else set(only)) - never
    if (known or only is not None) and not left and not unknown:
        yield Problem("no_node", "every node that may be used is excluded", (name,), "then.nodes")


def _after(after: object, name: str) -> Iterator[Problem]:
    if not isinstance(after, dict):
        yield Problem("field", "what follows is an object", (name,), "after")
        return
    yield from _unknown(after, _AFTER, name, "after")
    short = after.get("short", Short.BACKORDER.value)
    if not isinstance(short, str) or short not in set(Short):
        yield Problem("field", f"one of {', '.join(Short)}", (name,), "after.short")
    for field, most in (("wait_minutes", MAX_MINUTES), ("cancel_after_days", MAX_DAYS)):
        if field in after and not _is_whole(after[field], 1, most):
            yield Problem("field", f"a whole number from 1 to {most}", (name,), f"after.{field}")
    if (short == Short.WAIT) != ("wait_minutes" in after):
        yield Problem(
            "contradiction", "wait_minutes go with wait, and with nothing else", (name,), "after.wait_minutes"
        )
    if short == Short.PERSON and "cancel_after_days" in after:
        message = "what a person decides on is not cancelled by itself"
        yield Problem("contradiction", message, (name,), "after.cancel_after_days")


def _release(release: object, name: str) -> Iterator[Problem]:
    if not isinstance(release, dict):
        yield Problem("field", "when to release is an object", (name,), "release")
        return
    yield from _unknown(release, _RELEASE, name, "release")
    if "wait_minutes" in release and not _is_whole(release["wait_minutes"], 1, MAX_MINUTES):
        message = f"a whole number from 1 to {MAX_MINUTES}"
        yield Problem("field", message, (name,), "release.wait_minutes")
    if "until" in release and release["until"] != CUT_OFF:
        yield Problem("field", f"a release waits until {CUT_OFF}, or for minutes", (name,), "release.until")
    if {"wait_minutes", "until"} <= set(release):
        yield Problem("contradiction", "a release waits for minutes, or until the cut-off", (name,), "release")


def _reached(
    before: list[tuple[str, Mapping[str, Any]]], when: Mapping[str, Any], name: str, effort: Effort
) -> Iterator[Problem]:
    taken_by = covering(before, when, effort) if before else ()
    if taken_by:
        others = ", ".join(taken_by)
        yield Problem(
            "unreachable", f"no order reaches it: {others} before it takes all of its orders", (name, *taken_by)
        )

"""The translated template keeps the rules of tests/support/template_checks.py, and each rule sees what breaks it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, available_timezones

import pytest

from tests.support import template, template_checks

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.template import Resources

    Check = Callable[[Resources], list[str]]
    Change = Callable[[Resources], Any]

CHECKS: list[Check] = [
    template_checks.size,
    template_checks.functions,
    template_checks.wildcards,
    template_checks.stream_sources,
    template_checks.queue_sources,
    template_checks.schedules,
    template_checks.tables,
    template_checks.personal_data,
    template_checks.buckets,
    template_checks.queue_policies,
    template_checks.folders,
    template_checks.claim_checks,
    template_checks.streams_are_attributes,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_template_is_sound(check: Check) -> None:
    assert check(template.resources()) == []


def _properties(found: Resources, name: str) -> dict[str, Any]:
    properties: dict[str, Any] = found[name]["Properties"]
    return properties


def _many(found: Resources) -> None:
    for number in range(200):
        found[f"Extra{number}"] = {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 1}}


def _third_reader(found: Resources) -> None:
    for number in (2, 3):
        found[f"Reader{number}"] = found["RelayCommitsCommits"]


def _statement(found: Resources, role: str) -> dict[str, Any]:
    statement: dict[str, Any] = _properties(found, role)["Policies"][0]["PolicyDocument"]["Statement"][0]
    return statement


def _on_contacts(found: Resources, role: str) -> dict[str, Any]:
    """The statement by which a role may query contacts."""
    statements: list[dict[str, Any]] = _properties(found, role)["Policies"][0]["PolicyDocument"]["Statement"]
    return next(
        each
        for each in statements
        if template.target(each["Resource"]) == "ContactsTable" and "dynamodb:Query" in each["Action"]
    )


BROKEN: list[tuple[str, Check, Change]] = [
    ("too many resources", template_checks.size, _many),
    (
        "x86 function",
        template_checks.functions,
        lambda found: _properties(found, "PlaceOrder").update(Architectures=["x86_64"]),
    ),
    ("no timeout", template_checks.functions, lambda found: _properties(found, "PlaceOrder").pop("Timeout")),
    (
        "shared log group",
        template_checks.functions,
        lambda found: _properties(found, "PlaceOrder")["LoggingConfig"].update(LogGroup={"Ref": "ReadOrdersLog"}),
    ),
    (
        "logs for ever",
        template_checks.functions,
        lambda found: _properties(found, "PlaceOrderLog").pop("RetentionInDays"),
    ),
    (
        "every resource",
        template_checks.wildcards,
        lambda found: _statement(found, "PlaceOrderRole").update(Resource="*"),
    ),
    (
        "every action",
        template_checks.wildcards,
        lambda found: _statement(found, "PlaceOrderRole").update(Action=["dynamodb:*"]),
    ),
    (
        "administrator",
        template_checks.wildcards,
        lambda found: _properties(found, "PlaceOrderRole").update(
            ManagedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"]
        ),
    ),
    (
        "stream without destination",
        template_checks.stream_sources,
        lambda found: _properties(found, "RelayCommitsCommits").pop("DestinationConfig"),
    ),
    (
        "stream retried for ever",
        template_checks.stream_sources,
        lambda found: _properties(found, "RelayCommitsCommits").update(MaximumRetryAttempts=-1),
    ),
    ("three readers", template_checks.stream_sources, _third_reader),
    (
        "short invisibility",
        template_checks.queue_sources,
        lambda found: _properties(found, "IntakeQueue").update(VisibilityTimeout=60),
    ),
    (
        "no redrive",
        template_checks.queue_sources,
        lambda found: _properties(found, "IntakeQueue").pop("RedrivePolicy"),
    ),
    (
        "dead letters unread",
        template_checks.queue_sources,
        lambda found: found.pop("ParkFailedIntakeQueueDeadLetters"),
    ),
    (
        "redrive before the last try",
        template_checks.queue_sources,
        lambda found: _properties(found, "IntakeQueue")["RedrivePolicy"].update(maxReceiveCount=5),
    ),
    (
        "schedule without dead letters",
        template_checks.schedules,
        lambda found: _properties(found, "RedriveOverdueEveryMinute")["Target"].pop("DeadLetterConfig"),
    ),
    (
        "schedule with a name",
        template_checks.schedules,
        lambda found: _properties(found, "RedriveOverdueEveryMinute").update(Name="every-minute"),
    ),
    (
        "no recovery",
        template_checks.tables,
        lambda found: _properties(found, "StockTable").pop("PointInTimeRecoverySpecification"),
    ),
    (
        "unprotected table",
        template_checks.tables,
        lambda found: _properties(found, "StockTable").update(DeletionProtectionEnabled=False),
    ),
    (
        "lists that see contacts",
        template_checks.personal_data,
        lambda found: _on_contacts(found, "ReadOrdersRole").pop("Condition"),
    ),
    (
        "lists that may ask for everything",
        template_checks.personal_data,
        lambda found: _on_contacts(found, "ReadOrdersRole")["Condition"].pop("StringEquals"),
    ),
    (
        "lists that see one attribute more",
        template_checks.personal_data,
        lambda found: _on_contacts(found, "ShowConsoleRole")["Condition"]["ForAllValues:StringEquals"][
            "dynamodb:Attributes"
        ].append("body"),
    ),
    (
        "contacts for anybody",
        template_checks.personal_data,
        lambda found: _on_contacts(found, "ReadOrdersRole").update(Action=["dynamodb:Query", "dynamodb:GetItem"]),
    ),
    (
        "public bucket",
        template_checks.buckets,
        lambda found: _properties(found, "RawBucket")["PublicAccessBlockConfiguration"].update(BlockPublicAcls=False),
    ),
    ("bucket without TLS", template_checks.buckets, lambda found: found.pop("RawBucketPolicy")),
    (
        "queue without policy",
        template_checks.queue_policies,
        lambda found: _properties(found, "QueuesPolicy")["Queues"].pop(),
    ),
    (
        "queue with two policies",
        template_checks.queue_policies,
        lambda found: _properties(found, "QueuesPolicy")["Queues"].append({"Ref": "AmazonQueue"}),
    ),
    ("function without folder", template_checks.folders, lambda found: found.update(SendMail=found["PlaceOrder"])),
    (
        "claims unreadable",
        template_checks.claim_checks,
        lambda found: _properties(found, "TakeTrackingRole").update(Policies=[]),
    ),
    (
        "source by ARN",
        template_checks.streams_are_attributes,
        lambda found: _properties(found, "RelayCommitsCommits").update(EventSourceArn="arn:aws:dynamodb:::x"),
    ),
]


@pytest.mark.parametrize(("check", "change"), [each[1:] for each in BROKEN], ids=[each[0] for each in BROKEN])
def test_a_broken_template_is_seen(check: Check, change: Change) -> None:
    found = template.resources()
    change(found)
    assert check(found)


def test_every_check_has_a_negative_control() -> None:
    assert {check for _, check, _ in BROKEN} == set(CHECKS)


def test_no_clock_skips_the_hour_of_a_schedule() -> None:
    """A local time that does not exist when the clocks go forward is a run that does not happen."""
    for name, properties in template.of_type(template.resources(), "AWS::Scheduler::Schedule"):
        text = properties["ScheduleExpression"]
        if not text.startswith("cron("):
            continue
        minute, hour, *_ = text.removeprefix("cron(").split()
        assert skipped(int(hour), int(minute)) == set(), name
    assert "Europe/Athens" in skipped(3, 15)


def skipped(hour: int, minute: int) -> set[str]:
    """Zones in which a day of the next years has no such time."""
    return {
        zone
        for zone, days in changes().items()
        for day in (each.replace(hour=hour, minute=minute) for each in days)
        if day.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) != day
    }


@cache
def changes() -> dict[str, list[datetime]]:
    """Of each zone, the days at whose end its clocks are other than at their beginning: no other can skip a time."""
    days = [datetime(2026, 1, 1) + timedelta(days=each) for each in range(5 * 366)]  # noqa: DTZ001 - wall clocks
    found = {}
    for zone in available_timezones():
        offsets = [day.replace(tzinfo=ZoneInfo(zone)).utcoffset() for day in days]
        found[zone] = [day for day, now, then in zip(days, offsets, offsets[1:], strict=False) if now != then]
    return found


def test_what_a_schedule_starts_ends_where_people_look() -> None:
    """A schedule only hands over: Lambda tries again by itself, and then forgets, unless it is told where to put it."""
    found = template.resources()
    kept = {
        template.target(properties["FunctionName"]): template.target(
            properties["DestinationConfig"]["OnFailure"]["Destination"]
        )
        for _, properties in template.of_type(found, "AWS::Lambda::EventInvokeConfig")
    }
    watched = {
        template.target(each["Value"])
        for _, properties in template.of_type(found, "AWS::CloudWatch::Alarm")
        for each in properties["Dimensions"]
        if (properties["Namespace"], properties["MetricName"]) == ("AWS/Lambda", "Errors")
    }
    for name, properties in template.of_type(found, "AWS::Scheduler::Schedule"):
        function = template.target(properties["Target"]["Arn"])
        assert kept.get(function) == "FailedInvocations" or function in watched, name

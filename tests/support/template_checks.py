"""What must hold in the translated template. Each check gives its findings, one sentence each; none means sound."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from tests.support.template import ROOT, attribute, environment, listed, of_type, statements, target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.template import Resources

FUNCTION: Final = "AWS::Lambda::Function"
QUEUE: Final = "AWS::SQS::Queue"
MAPPING: Final = "AWS::Lambda::EventSourceMapping"
SCHEDULE: Final = "AWS::Scheduler::Schedule"
TABLE: Final = "AWS::DynamoDB::Table"

MAX_RESOURCES: Final = 350
MAX_FUNCTIONS: Final = 33
MAX_READERS: Final = 2
KEY: Final = "DataKey"
PARKING: Final = "ParkFailed"
"""The function that puts dead letters where people look."""

CONTACTS: Final = "ContactsTable"
CONTACT_READERS: Final = {
    *("FulfillOrdersRole", "ShowStatusRole", "AnswerAssistantsRole", "ShowInvoicesRole", "SettleReturnRole"),
    "AuthorizePaymentRole",  # of orders that are scored, as much as the policy says
}
"""The address of a parcel, there and back; the e-mail address a guest's is compared with; whom an invoice is for."""
READS: Final = {f"dynamodb:{each}" for each in ("GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems")}
KEYS_ONLY: Final = {
    "ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "sk"]},
    "StringEquals": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
}
"""No other attribute may be named, and the request has to name those that it wants."""

ANY_RESOURCE: Final = {
    "xray:": "traces have no resources to name",
    "logs:": "log delivery has no resources to name",
    "dynamodb:ListStreams": "a list has no resource to name",
    "events:ListRules": "a list has no resource to name",
}
"""What may be allowed on every resource, by the beginning of all actions of a statement, with the reason."""


def size(found: Resources) -> list[str]:
    """CloudFormation stops at 500."""
    count = len(found)
    functions = len(list(of_type(found, FUNCTION)))
    return [
        *([f"{count} resources, more than {MAX_RESOURCES}"] if count > MAX_RESOURCES else []),
        *([f"{functions} functions, more than {MAX_FUNCTIONS}"] if functions > MAX_FUNCTIONS else []),
    ]


def functions(found: Resources) -> list[str]:
    """Runtime, architecture, memory and timeout stated; a log group of its own with an end."""
    findings = []
    groups = dict(of_type(found, "AWS::Logs::LogGroup"))
    used: Counter[str] = Counter()
    for name, properties in of_type(found, FUNCTION):
        if properties.get("Runtime") != "python3.13" or properties.get("Architectures") != ["arm64"]:
            findings.append(f"{name} is not python3.13 on arm64")
        findings += [
            f"{name} does not state its {each}" for each in ("MemorySize", "Timeout") if each not in properties
        ]
        logging = properties.get("LoggingConfig", {})
        group = target(logging.get("LogGroup"))
        used[group] += 1
        if logging.get("LogFormat") != "JSON":
            findings.append(f"{name} does not log JSON")
        if "RetentionInDays" not in groups.get(group, {}):
            findings.append(f"{name} has no log group with a retention")
    findings += [f"functions share the log group {group}" for group, count in used.items() if group and count > 1]
    findings += [f"{name} keeps logs for ever" for name, each in groups.items() if "RetentionInDays" not in each]
    return findings


def wildcards(found: Resources) -> list[str]:
    """Nothing is allowed on every resource, unless it is listed with its reason; no star in an allowed action.

    No managed policies: they allow more than is called.
    """
    findings = []
    for name, statement in statements(found):
        if statement["Effect"] != "Allow":
            continue
        actions = [str(each) for each in listed(statement.get("Action", []))]
        excused = any(all(action.startswith(prefix) for action in actions) for prefix in ANY_RESOURCE)
        if "*" in listed(statement.get("Resource")) and not excused:
            findings.append(f"{name} speaks of every resource: {actions}")
        if any("*" in action for action in actions):
            findings.append(f"{name} allows {actions}")
    for name, properties in of_type(found, "AWS::IAM::Role"):
        findings += [f"{name} has the managed policy {arn}" for arn in properties.get("ManagedPolicyArns", [])]
    return findings


def _mappings(found: Resources, kind: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(mapping, what it reads, properties) of event sources of a type."""
    for name, properties in of_type(found, MAPPING):
        of = target(properties["EventSourceArn"])
        if found.get(of, {}).get("Type") == kind:
            yield name, of, properties


def stream_sources(found: Resources) -> list[str]:
    """A record that fails holds up nothing for ever and is not lost."""
    findings = []
    readers: Counter[str] = Counter()
    for name, table, properties in _mappings(found, TABLE):
        readers[table] += 1
        failed = target(properties.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination"))
        wrong = {
            "no queue for what fails": found.get(failed, {}).get("Type") != QUEUE,
            "retries without bound": not 0 <= properties.get("MaximumRetryAttempts", -1) <= 10,
            "records without age limit": not 60 <= properties.get("MaximumRecordAgeInSeconds", -1) <= 86_400,
            "no bisect": not properties.get("BisectBatchOnFunctionError"),
            "no partial answers": properties.get("FunctionResponseTypes") != ["ReportBatchItemFailures"],
            "no filter": not properties.get("FilterCriteria", {}).get("Filters"),
            "does not start at the horizon": properties.get("StartingPosition") != "TRIM_HORIZON",
        }
        findings += [f"{name}: {what}" for what, is_so in wrong.items() if is_so]
    findings += [f"{table} has {count} readers" for table, count in readers.items() if count > MAX_READERS]
    return findings


def _dead_letter_targets(found: Resources) -> set[str]:
    """Queues in which something ends that could not be processed."""
    ends = {target(each.get("RedrivePolicy", {}).get("deadLetterTargetArn")) for _, each in of_type(found, QUEUE)}
    for _, properties in of_type(found, MAPPING):
        ends.add(target(properties.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")))
    for _, properties in of_type(found, SCHEDULE):
        ends.add(target(properties["Target"].get("DeadLetterConfig", {}).get("Arn")))
    return ends - {""}


def queue_sources(found: Resources) -> list[str]:
    """Each message is tried, alone, and in the end put where people look."""
    findings = []
    ends = _dead_letter_targets(found)
    readers: dict[str, str] = {}
    for name, queue, properties in _mappings(found, QUEUE):
        reader = target(properties["FunctionName"])
        readers[queue] = reader
        function = found[reader]["Properties"]
        if properties.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            findings.append(f"{name}: no partial answers")
        visible = found[queue]["Properties"].get("VisibilityTimeout", 30)
        if visible < 6 * function["Timeout"]:
            findings.append(f"{queue}: {visible} s of invisibility for a function of {function['Timeout']} s")
        redrive = found[queue]["Properties"].get("RedrivePolicy")
        if redrive and redrive["maxReceiveCount"] <= int(environment(function).get("MAX_RECEIVES", 0)):
            findings.append(f"{queue}: ends before the function has had its last try")
    for queue, properties in of_type(found, QUEUE):
        letters = target(properties.get("RedrivePolicy", {}).get("deadLetterTargetArn"))
        if not letters and queue not in ends:
            findings.append(f"{queue}: neither has dead letters nor is for them")
        if queue in ends and readers.get(queue) != PARKING:
            findings.append(f"{queue}: what ends here is not put where people look")
        if queue not in readers:
            findings.append(f"{queue}: nobody reads it")
        kept = found.get(letters, {}).get("Properties", {}).get("MessageRetentionPeriod", 0)
        if letters and kept < properties.get("MessageRetentionPeriod", 345_600):
            findings.append(f"{queue}: its dead letters are kept for a shorter time than its messages")
    return findings


def schedules(found: Resources) -> list[str]:
    """Retried within bounds, then put where people look; named by CloudFormation, so that stacks do not collide."""
    findings = []
    for name, properties in of_type(found, SCHEDULE):
        retry = properties["Target"].get("RetryPolicy", {})
        if not 0 < retry.get("MaximumRetryAttempts", -1) <= 10 or "MaximumEventAgeInSeconds" not in retry:
            findings.append(f"{name}: no bounded retries")
        letters = target(properties["Target"].get("DeadLetterConfig", {}).get("Arn"))
        if found.get(letters, {}).get("Type") != QUEUE:
            findings.append(f"{name}: no dead letters")
        if "Name" in properties:
            findings.append(f"{name}: a fixed name, two stacks would collide")
    return findings


def tables(found: Resources) -> list[str]:
    """Recoverable, encrypted, hard to delete."""
    findings = []
    for name, properties in of_type(found, TABLE):
        if not properties.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled"):
            findings.append(f"{name}: no point-in-time recovery")
        if target(properties.get("SSESpecification", {}).get("KMSMasterKeyId")) != KEY:
            findings.append(f"{name}: not encrypted with our key")
        if properties.get("DeletionProtectionEnabled") != {"Ref": "DeletionProtection"}:
            findings.append(f"{name}: deletion protection is not the parameter's")
        if {found[name].get("DeletionPolicy"), found[name].get("UpdateReplacePolicy")} != {"Retain"}:
            findings.append(f"{name}: goes with the stack")
    return findings


def personal_data(found: Resources) -> list[str]:
    """What contacts hold is read where it is needed; whoever lists orders may ask for the keys alone."""
    findings = []
    readers = set()
    for name, statement in statements(found):
        if statement["Effect"] != "Allow" or CONTACTS not in map(target, listed(statement.get("Resource"))):
            continue
        reads = READS & set(listed(statement["Action"]))
        if not reads or (statement.get("Condition") == KEYS_ONLY and reads == {"dynamodb:Query"}):
            continue
        readers.add(name)
        findings += [f"{name} may {action} contacts whole" for action in sorted(reads) if action != "dynamodb:GetItem"]
    findings += [f"{name} may read contacts" for name in sorted(readers - CONTACT_READERS)]
    return findings


def _denies_plain_http(statement: dict[str, Any]) -> bool:
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    return statement["Effect"] == "Deny" and statement.get("Condition") == insecure and statement["Principal"] == "*"


def buckets(found: Resources) -> list[str]:
    """Encrypted, never public, TLS only, with an end for what is personal."""
    findings = []
    guarded = {
        target(properties["Bucket"])
        for _, properties in of_type(found, "AWS::S3::BucketPolicy")
        if any(_denies_plain_http(each) for each in properties["PolicyDocument"]["Statement"])
    }
    for name, properties in of_type(found, "AWS::S3::Bucket"):
        blocks = properties.get("PublicAccessBlockConfiguration", {})
        if len(blocks) != 4 or not all(blocks.values()):
            findings.append(f"{name}: could become public")
        if "BucketEncryption" not in properties:
            findings.append(f"{name}: not encrypted with a KMS key")
        if name not in guarded:
            findings.append(f"{name}: answers without TLS")
        if not any(
            "ExpirationInDays" in rule for rule in properties.get("LifecycleConfiguration", {}).get("Rules", [])
        ):
            findings.append(f"{name}: keeps everything for ever")
    return findings


def queue_policies(found: Resources) -> list[str]:
    """Every queue is encrypted and has exactly one policy (a second would replace the first), which asks for TLS."""
    findings = []
    guarded: Counter[str] = Counter()
    for name, properties in of_type(found, "AWS::SQS::QueuePolicy"):
        guarded.update(target(each) for each in properties["Queues"])
        document = properties["PolicyDocument"]["Statement"]
        if not any(_denies_plain_http(each) for each in document):
            findings.append(f"{name}: allows plain HTTP")
        if any(each["Effect"] == "Allow" and each["Principal"] == "*" for each in document):
            findings.append(f"{name}: lets anybody in")
    for name, properties in of_type(found, QUEUE):
        if guarded[name] != 1:
            findings.append(f"{name}: has {guarded[name]} policies")
        if not properties.get("SqsManagedSseEnabled") and "KmsMasterKeyId" not in properties:
            findings.append(f"{name}: is not encrypted")
    return findings


def folders(found: Resources) -> list[str]:
    """A function of the template is a folder, and a folder is a function."""
    names = {_snake(name) for name, _ in of_type(found, FUNCTION)}
    present = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    return [f"{name} is not in both the template and functions/" for name in sorted(names ^ present)]


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


THIN: Final = frozenset({"PollChannelsRole"})
"""What these queue names an order and carries none."""


def claim_checks(found: Resources) -> list[str]:
    """Whoever queues deliveries may put their bodies aside; whoever takes them from a queue may read them there."""
    findings = []
    queues = {"IntakeQueue", "TrackingQueue", "PaymentsQueue"}
    may: dict[str, set[str]] = {}
    for name, statement in statements(found):
        for resource in listed(statement.get("Resource")):
            claims = "/claims/" in str(resource)
            for action in listed(statement["Action"]):
                may.setdefault(name, set()).add(f"{action} {'claims' if claims else target(resource)}")
    for name, actions in may.items():
        sends = any(f"sqs:SendMessage {queue}" in actions for queue in queues)
        if sends and "s3:PutObject claims" not in actions and name not in THIN:
            findings.append(f"{name} may send deliveries, but not put large ones aside")
    for _, queue, properties in _mappings(found, QUEUE):
        role = target(found[target(properties["FunctionName"])]["Properties"]["Role"])
        if queue.startswith(tuple(queues)) and "s3:GetObject claims" not in may.get(role, set()):
            findings.append(f"{role} may take deliveries, but not read those put aside")
    return findings


def streams_are_attributes(found: Resources) -> list[str]:
    """An event source names an attribute of a resource here, never an ARN written out."""
    return [
        f"{name}: {properties['EventSourceArn']}"
        for name, properties in of_type(found, MAPPING)
        if attribute(properties["EventSourceArn"]) not in ("Arn", "StreamArn")
    ]

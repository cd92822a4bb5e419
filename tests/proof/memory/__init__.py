"""The application's ports in memory: the whole product runs on them in one thread, thousands of times a second.

One `Store` holds everything; the ports are thin views of it:

    store = Store()
    log, stock, views = MemoryLog(store), MemoryStock(store), MemoryViews(store)
    orders = Orders(log, clock)

**Growth.** No operation looks at more than its answer. A read or an append costs one look-up and the commits of its own
stream; positions are kept by SKU, facts by stream. Lists are the rows of the product's own projection, in the
partitions of its table and indexes, and a partition is sorted when somebody asks: a look-up costs what it finds, a list
or `overdue` what its partitions hold.

**Undone.** `store.mark()`, then any operations, then `store.back()`: the store is as it was, for the price of the
writes between the two.

**Paused.** Every operation of a port goes through the port's `pause`, when it has one: a callable that is given a
`Step` (what is about to be done, with its arguments) and the operation itself. It may let others run first, do the
operation once or twice, and return its answer or raise in its place; so it is where a scheduler changes workers, an
acknowledgement is lost, or a worker dies before or after an effect:

    def lost(step: Step, call: Callable[[], Any]) -> Any:
        answer = call()
        if step.op == "log.append":
            raise ReadTimeoutError(endpoint_url="https://dynamodb.eu-central-1.amazonaws.com/")
        return answer

    MemoryLog(store, pause=lost)

**Faithful.** `MemoryLog(store, faithful=True)` gives back what a round through JSON leaves, as DynamoDB would; without
it what was put is what is read. The contract suite (`tests/contract/test_ports_memory.py`) holds each of these ports to
its adapter on the engine. Not imitated: DynamoDB's limits on sizes, and transactions that collide.

The `checks_*` of a store are the guards that make the product right: take one out for a negative control.
"""

from tests.proof.memory.everything import MemoryCheckpoint, MemoryEverything
from tests.proof.memory.kept import MemoryClaims, MemoryContacts, MemoryDocuments, MemoryPolicies, MemoryReference
from tests.proof.memory.log import MemoryFeed, MemoryLog, MemoryStock
from tests.proof.memory.outbox import MemoryBus, MemoryQueue, MemoryWorkflows
from tests.proof.memory.payments import Effect, MemoryPayments, Payment
from tests.proof.memory.quarantine import MemoryQuarantine
from tests.proof.memory.store import Pause, Port, Step, Store
from tests.proof.memory.views import MemoryMarks, MemoryOpenWork, MemoryViews

__all__ = [
    "Effect",
    "MemoryBus",
    "MemoryCheckpoint",
    "MemoryClaims",
    "MemoryContacts",
    "MemoryDocuments",
    "MemoryEverything",
    "MemoryFeed",
    "MemoryLog",
    "MemoryMarks",
    "MemoryOpenWork",
    "MemoryPayments",
    "MemoryPolicies",
    "MemoryQuarantine",
    "MemoryQueue",
    "MemoryReference",
    "MemoryStock",
    "MemoryViews",
    "MemoryWorkflows",
    "Pause",
    "Payment",
    "Port",
    "Step",
    "Store",
]

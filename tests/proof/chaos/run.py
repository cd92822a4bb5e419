"""Many seeds: a clean world, then worlds in chaos, on a few engines one after the other."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.e2e.audit import workflow_inputs
from tests.e2e.people import canaries
from tests.e2e.recorder import payments_of
from tests.e2e.support import DEAD, QUEUES
from tests.proof.chaos.arena import arena
from tests.proof.chaos.play import NoRestError, Play, together, unlike_stock
from tests.proof.invariants import Evidence, Oracle, check
from tests.proof.invariants import dynamodb as items

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tests.proof.chaos.arena import Arena

PER_ENGINE: Final = 50
"""Worlds on one engine: it forgets nothing, and slows down."""
AT_ONCE: Final = 5
"""Worlds that are in chaos at the same time: while some wait for what was lost, others keep the engine busy."""
DEFECTS: Final = ("acknowledged", "reserved_twice")
"""What `worker/` can plant."""
KILLS: Final = ("killed_before", "killed_after")


@dataclass(slots=True)
class Report:
    """What became of the seeds."""

    seeds: int = 0
    deliveries: int = 0
    orders: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    found: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "seeds": self.seeds,
            "deliveries": self.deliveries,
            "orders": self.orders,
            "violations": len(self.found),
            "kills": sum(self.faults[each] for each in KILLS),
            "faults": dict(sorted(self.faults.items())),
            "seconds_per_seed": round(sum(self.seconds) / max(1, len(self.seconds)), 1),
        }


@dataclass(slots=True)
class Chaos:
    """The clean world of an arena, to which worlds in chaos are compared."""

    arena: Arena
    report: Report
    clean: Mapping[str, Any] = field(default_factory=dict)
    parked: frozenset[str] = frozenset()

    def begin(self) -> None:
        """Play the clean world; it must be sound by itself."""
        before = self.arena.positions()
        play = Play(self.arena, self.arena.world("clean"))
        play.clean()
        look = play.look()
        self.clean, self.parked = play.facts(look), frozenset(look.parked)
        problems = [*play.problems(look), *unlike_stock(look.streams, before, self.arena.positions())]
        if problems:
            raise AssertionError(f"not sound without faults: {problems}")

    def play(self, seeds: Sequence[int], defect: str = "", factor: float = 1.0) -> list[str]:
        """The violations of some worlds that are in chaos at the same time."""
        began, before = time.monotonic(), self.arena.positions()
        worlds = {seed: self.arena.world(f"s{seed}") for seed in seeds}
        plays = {seed: Play(self.arena, world) for seed, world in worlds.items()}
        theirs = {seed: frozenset(world.parked()) for seed, world in worlds.items()}
        for seed, play in plays.items():
            play.not_mine = self.parked.union(*(ids for other, ids in theirs.items() if other != seed))
        problems: list[str] = []
        try:
            together(self.arena, plays, defect, factor)
        except NoRestError as error:
            problems.append(f"I8: {error}")
        looks = {seed: play.look() for seed, play in plays.items()}
        for seed, play in plays.items():
            problems += [f"{each} (seed {seed})" for each in play.problems(looks[seed], self.clean)]
            self.parked |= frozenset(looks[seed].parked)
        streams = {stream: stored for look in looks.values() for stream, stored in look.streams.items()}
        problems += unlike_stock(streams, before, self.arena.positions())
        self.report.seeds += len(seeds)
        self.report.deliveries += sum(play.delivered for play in plays.values())
        self.report.orders += len(streams)
        self.report.found += problems
        self.report.seconds.append((time.monotonic() - began) / len(seeds))
        return problems

    def end(self) -> list[str]:
        """The violations of the engine as a whole, all worlds together."""
        oms = self.arena.oms
        tables = ("EventsTable", "StockTable", "ContactsTable", "ViewsTable")
        events, stock, contacts, views = (oms.scan_table(each, ConsistentRead=True) for each in tables)
        streams, broken = items.streams_of(events)
        rows = items.rows_of(views)
        evidence = Evidence(
            streams=streams,
            positions=items.positions_of(stock),
            contacts=items.contacts_of(contacts),
            rows=rows,
            quarantine=items.quarantine_of(rows),
            dead_letters={each: oms.waiting_messages([each]) for each in DEAD},
            pending={each: oms.waiting_messages([each]) for each in QUEUES} | {"workflows": oms.workflows("RUNNING")},
            texts={
                "engine log": oms.engine.log.read_text(errors="replace").splitlines(),
                "workflow inputs": workflow_inputs(oms),
            },
            canaries=canaries(),
            broken=broken,
            oracle=Oracle(payments=payments_of(oms.sandbox)),
        )
        problems = [str(each) for each in check(evidence)]
        self.report.found += problems
        self.report.faults.update(self.arena.faults())
        return problems


def run(
    seeds: Sequence[int],
    *,
    defect: str = "",
    factor: float = 1.0,
    collected: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Report:
    """Play these seeds."""
    report = Report()
    for start in range(0, len(seeds), PER_ENGINE):
        part = seeds[start : start + PER_ENGINE]
        with tempfile.TemporaryDirectory() as state, arena(Path(state), collected=collected) as made:
            chaos = Chaos(made, report)
            made.connect(["clean", *(f"s{seed}" for seed in part)])
            chaos.begin()
            for first in range(0, len(part), AT_ONCE):
                batch = part[first : first + AT_ONCE]
                problems = chaos.play(batch, defect, factor)
                _tell(say, f"seeds {batch[0]} to {batch[-1]}", problems, report.seconds[-1] * len(batch))
            _tell(say, "engine", chaos.end(), 0)
    return report


def _tell(say: Callable[[str], None], what: str, problems: Iterable[str], seconds: float) -> None:
    say(f"{what}: {seconds:.1f} s")
    for each in problems:
        say(f"  {each[:1000]}")

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
from tests.proof.chaos.arena import ALL_DEAD, ALL_QUEUES, arena
from tests.proof.chaos.facts import unlike_stock
from tests.proof.chaos.play import Play, together
from tests.proof.chaos.rest import NoRestError
from tests.proof.chaos.told import STOCKED, Levels, not_as_done, told_facts, unlike_levels
from tests.proof.invariants import Evidence, Oracle, check
from tests.proof.invariants import dynamodb as items

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tests.proof.chaos.arena import Arena

PER_ENGINE: Final = 50
"""Worlds on one engine: it forgets nothing, and slows down."""
AT_ONCE: Final = 10
"""Worlds that are in chaos at the same time: while some wait for what was lost, others keep the engine busy."""
DEFECTS: Final = ("acknowledged", "reserved_twice", "told_twice")
"""What `worker/` can plant."""
KILLS: Final = ("killed_before", "killed_after")


@dataclass(slots=True)
class Report:
    """What became of the seeds."""

    seeds: int = 0
    deliveries: int = 0
    orders: int = 0
    effects: int = 0
    """What channels were told of orders and took, by their own record; stock apart."""
    told_twice: int = 0
    untold: int = 0
    levels: int = 0
    """Of stock, that channels were told."""
    weather: Counter[str] = field(default_factory=Counter)
    """Calls to channels that failed, by how."""
    faults: Counter[str] = field(default_factory=Counter)
    found: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def count(self, wanted: Mapping[str, int], told: Mapping[str, int]) -> None:
        """What a world's channels were told of orders, against what the clean one's were."""
        self.effects += sum(told.values())
        self.told_twice += (Counter(told) - Counter(wanted)).total()
        self.untold += (Counter(wanted) - Counter(told)).total()

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "seeds": self.seeds,
            "deliveries": self.deliveries,
            "orders": self.orders,
            "outbound_effects": self.effects,
            "told_twice": self.told_twice,
            "untold": self.untold,
            "levels_told": self.levels,
            "calls_failed": dict(sorted(self.weather.items())),
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
        before, levels = self.arena.positions(), Levels("clean", STOCKED[-1])
        self.arena.tell_stock(levels)
        play = Play(self.arena, self.arena.world("clean"))
        play.clean()
        look = play.look()
        self.clean, self.parked = play.facts(look), frozenset(look.parked)
        sandbox, after = self.arena.oms.sandbox, self.arena.positions()
        problems = [*play.problems(look), *unlike_stock(look.streams, before, after)]
        problems += [*not_as_done(sandbox, "clean"), *unlike_levels(sandbox, levels, look.streams, after)]
        if problems:
            raise AssertionError(f"not sound without faults: {problems}")

    def play(self, seeds: Sequence[int], defect: str = "", factor: float = 1.0) -> list[str]:
        """The violations of some worlds that are in chaos at the same time."""
        began, before = time.monotonic(), self.arena.positions()
        levels = Levels(f"s{seeds[0]}", STOCKED[seeds[0] // AT_ONCE % len(STOCKED)])
        self.arena.tell_stock(levels)
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
        after, sandbox = self.arena.positions(), self.arena.oms.sandbox
        problems += unlike_stock(streams, before, after)
        problems += unlike_levels(sandbox, levels, streams, after)
        for seed in seeds:
            self.report.count(self.clean["told"], told_facts(sandbox, f"s{seed}"))
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
            dead_letters={each: oms.waiting_messages([each]) for each in ALL_DEAD},
            pending={each: oms.waiting_messages([each]) for each in ALL_QUEUES}
            | {"workflows": oms.workflows("RUNNING")},
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
        self.report.levels += sum(each["kind"] == "stock" for each in oms.sandbox.told)
        self.report.weather.update(each["fault"] for each in oms.sandbox.calls if each["fault"])
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

"""What a scenario is, and how one schedule of it is run and checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError

from oms.domain.errors import OmsError
from tests.proof.interleave import checks
from tests.proof.interleave.explore import PrunedError
from tests.proof.interleave.kernel import Budget, CrashedError, Ended, Schedule, Worker
from tests.proof.interleave.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oms.domain.order.state import Order
    from tests.proof.interleave.explore import Run
    from tests.proof.interleave.kernel import Strategy

NARROW: Final = Budget(lost=1, resent=1, crash=1, duplicate=1, faults=1)
"""For the exhaustive part: any one fault anywhere."""
WIDE: Final = Budget(lost=2, resent=2, crash=2, duplicate=2, faults=4, tries=4)
"""For the random walk: up to four faults in a schedule."""


def drive_all(world: World) -> None:
    """Every order is brought to rest, as its workflows do once faults have stopped."""
    for order_id in world.order_ids():
        world.drive(order_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A race. `guard` is the mechanism that makes it right, `without` takes it out of a world."""

    name: str
    about: str
    prelude: Callable[[World], None]
    workers: Callable[[World], list[Worker]]
    expect: Callable[[World, Mapping[str, Order], Mapping[str, Ended]], None]
    """The facts that must stand at the end; raises Violation. Given the orders and the workers' ends by name."""
    guard: str
    without: Callable[[World], None]
    recover: Callable[[World], None] = drive_all
    gives_up: frozenset[str] = frozenset()
    """Names of retryable errors that a worker may end with after its last try."""
    narrow: Budget = NARROW
    wide: Budget = WIDE


def retryable(error: BaseException) -> bool:
    """The input comes again after this error."""
    if isinstance(error, CrashedError | BotoCoreError):
        return True
    return isinstance(error, OmsError) and error.retryable


@dataclass(slots=True)
class Runner:
    """Runs schedules of one scenario, each from the world after its prelude. A `Run`."""

    scenario: Scenario
    budget: Budget
    guarded: bool = True
    _world: World | None = None
    _workers: list[Worker] = field(default_factory=list)

    @property
    def world(self) -> World:
        """After the prelude."""
        if self._world is None:
            self._world = world = World()
            self.scenario.prelude(world)
            if not self.guarded:
                self.scenario.without(world)
                world.wire()
            world.mark()
            self._workers = self.scenario.workers(world)
        return self._world

    def __call__(self, strategy: Strategy, *, readable: bool = False) -> tuple[Schedule, str | None]:
        """The schedule, and what is wrong at its end."""
        world = self.world
        world.back()
        schedule = Schedule(self._workers, self.budget, strategy, retryable)
        if readable:
            schedule.ops = []
        world.gate.schedule = schedule
        try:
            self._finish(world, schedule.run())
        except checks.Violation as violation:
            return schedule, str(violation)
        except PrunedError:
            raise
        except Exception as error:  # noqa: BLE001 - a system that breaks on what workers left behind is wrong
            return schedule, f"I8: the system broke afterwards: {error!r}"
        return schedule, None

    def _finish(self, world: World, ended: list[Ended]) -> None:
        world.gate.schedule = None
        checks.ended_by_name(ended, self.scenario.gives_up)
        self.scenario.recover(world)
        self.scenario.expect(world, checks.everything(world), {each.name: each for each in ended})


def runners(scenario: Scenario, *, guarded: bool = True) -> tuple[Run, Run]:
    """One for the exhaustive part, one for the random walk."""
    return Runner(scenario, scenario.narrow, guarded), Runner(scenario, scenario.wide, guarded)

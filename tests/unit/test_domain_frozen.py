from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, is_dataclass, replace
from inspect import signature

import pytest

from oms.domain.frozen import frozen


@frozen
class Line:
    """A value with every kind of field."""

    sku: str
    quantity: int = 1
    tags: list[str] = field(default_factory=list)


@frozen(kw_only=False)
class Pair:
    """By place; refuses what is out of order."""

    low: int
    high: int = 10

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("out of order")


@frozen(show=False)
class Secret:
    """Never shown."""

    key: str


@frozen
class Cover(Line):
    """A value that extends another."""

    note: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class Standard:
    """What the standard decorator makes of `Line`."""

    sku: str
    quantity: int = 1
    tags: list[str] = field(default_factory=list)


def test_it_is_a_dataclass_to_all_that_read_one() -> None:
    line = Line(sku="MUG", tags=["new"])
    assert is_dataclass(line)
    assert [each.name for each in fields(Line)] == ["sku", "quantity", "tags"]
    assert asdict(line) == {"sku": "MUG", "quantity": 1, "tags": ["new"]}
    assert replace(line, quantity=2) == Line(sku="MUG", quantity=2, tags=["new"])
    assert copy.deepcopy(line) == pickle.loads(pickle.dumps(line)) == line


def test_it_shows_itself_as_the_standard_one_does() -> None:
    assert repr(Line(sku="MUG")) == repr(Standard(sku="MUG")).replace("Standard", "Line")
    assert repr(Cover(sku="MUG", note="private")) == "Cover(sku='MUG', quantity=1, tags=[])"
    assert "hunter2" not in repr(Secret(key="hunter2"))


def test_values_of_one_class_that_hold_the_same_are_equal() -> None:
    assert Pair(1) == Pair(1, 10)
    assert hash(Pair(1)) == hash(Pair(low=1, high=10))
    assert Pair(1) != Pair(2)
    assert Line(sku="MUG") != Cover(sku="MUG")
    assert Line(sku="MUG").__eq__("MUG") is NotImplemented
    with pytest.raises(TypeError, match="unhashable"):
        hash(Line(sku="MUG"))


def test_nothing_is_assigned_or_deleted() -> None:
    line = Line(sku="MUG")
    with pytest.raises(FrozenInstanceError):
        line.quantity = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        line.colour = "red"  # type: ignore[attr-defined]
    with pytest.raises(FrozenInstanceError):
        del line.quantity


def test_a_default_is_made_for_each_instance() -> None:
    assert Line(sku="a").tags is not Line(sku="b").tags


@pytest.mark.parametrize("again", [False, True])
def test_arguments_are_checked_from_the_first_instance_on(*, again: bool) -> None:
    @frozen
    class Fresh:
        """A class without instances yet."""

        sku: str

    if again:
        Fresh(sku="MUG")
    with pytest.raises(TypeError, match="sku"):
        Fresh()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="colour"):
        Fresh(sku="MUG", colour="red")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="positional"):
        Fresh("MUG")  # type: ignore[call-arg]


def test_what_a_class_asks_of_itself_is_asked() -> None:
    with pytest.raises(ValueError, match="out of order"):
        Pair(3, 2)
    with pytest.raises(ValueError, match="out of order"):
        replace(Pair(1, 2), low=3)


def test_it_extends_another() -> None:
    cover = Cover(sku="MUG", note="x")
    assert (cover.sku, cover.quantity, cover.note) == ("MUG", 1, "x")


def test_a_field_may_be_called_as_anything_the_constructor_uses() -> None:
    @frozen
    class Held:
        held: int
        name: str = "n"
        kind: tuple[int, ...] = field(default_factory=tuple)

    assert (Held(held=1).held, Held(held=1).name, Held(held=2, kind=(3,)).kind) == (1, "n", (3,))


def test_a_class_of_values_from_its_first_instance_on() -> None:
    """All of the decorator on classes that nobody has made anything of."""

    @frozen(kw_only=False)
    class Span:
        low: int
        high: int = 10
        unit: str = field(default="m", kw_only=True)

        def __post_init__(self) -> None:
            if self.low > self.high:
                raise ValueError("out of order")

    @frozen
    class Named:
        name: str

        def __repr__(self) -> str:
            return f"<{self.name}>"

    assert [repr(Span(1)), repr(Span(1, 2, unit="ft"))] == [
        f"{Span.__qualname__}(low=1, high=10, unit='m')",
        f"{Span.__qualname__}(low=1, high=2, unit='ft')",
    ]
    assert str(signature(Span.__init__)) == "(self, low, high=10, *, unit='m')"
    with pytest.raises(TypeError, match="positional"):
        Span(1, 2, "ft")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="out of order"):
        Span(3, 2)
    with pytest.raises(TypeError, match="positional"):
        Named("x")  # type: ignore[call-arg]
    assert repr(Named(name="x")) == "<x>"
    with pytest.raises(FrozenInstanceError, match=r"^cannot assign to field 'low'$"):
        Span(1).low = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match=r"^cannot delete field 'low'$"):
        del Span(1).low


def test_a_class_that_does_not_show_itself() -> None:
    @frozen(show=False)
    class Hidden:
        key: str

    @frozen(kw_only=False)
    class Shown:
        key: str

    assert "hunter2" not in repr(Hidden(key="hunter2"))
    assert repr(Shown("hunter2")).endswith("Shown(key='hunter2')")
    assert Hidden(key="a") == Hidden(key="a") != Hidden(key="b")
    assert Hidden.__eq__ is Shown.__eq__

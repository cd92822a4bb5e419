"""Immutable values that cost little to define.

`@frozen` makes a frozen dataclass to all that read one: `dataclasses.fields`, `replace`, `asdict`, `is_dataclass`, type
checkers. What differs is when the work is done. The standard `@dataclass(frozen=True)` compiles five methods per class
while a function starts, used or not, and the vocabulary of orders is a hundred classes. Here those methods are shared,
and the one that has to be fast, the constructor, is compiled when a class has its first instance.
"""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform, overload

if TYPE_CHECKING:
    from collections.abc import Callable

Kind = TypeVar("Kind", bound=type)


@overload
def frozen(cls: Kind, /) -> Kind: ...


@overload
def frozen(*, kw_only: bool = True, show: bool = True) -> Callable[[Kind], Kind]: ...


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def frozen(cls: Any = None, /, *, kw_only: bool = True, show: bool = True) -> Any:
    """Class decorator: an immutable value. Its fields are given by name unless `kw_only=False`.

    Args:
        cls: The class, when used without arguments.
        kw_only: Fields cannot be given by place.
        show: `repr` shows the fields; False for what holds secrets.
    """

    def make(kind: type[Any]) -> type[Any]:
        own = vars(kind)
        dataclass(init=False, repr=False, eq=False, kw_only=kw_only)(kind)
        for name, method in _METHODS.items():
            if name not in own and (show or name != "__repr__"):
                setattr(kind, name, method)
        return kind

    return make if cls is None else make(cls)


def _first_init(self: Any, *args: Any, **kwargs: Any) -> None:
    """Stands in until a class has its first instance; from then on it is the compiled constructor."""
    kind = type(self)
    kind.__init__ = _constructor(kind)
    kind.__init__(self, *args, **kwargs)


def _constructor(kind: type[Any]) -> Callable[..., None]:
    by_place, by_name, body = ["self"], ["*"], ["_held_ = self.__dict__"]
    scope: dict[str, Any] = {"MISSING": MISSING}
    for each in fields(kind):
        name = parameter = made = each.name
        if each.default is not MISSING:
            scope[f"default_{name}"] = each.default
            parameter = f"{name}=default_{name}"
        elif each.default_factory is not MISSING:
            scope[f"make_{name}"] = each.default_factory
            parameter, made = f"{name}=MISSING", f"make_{name}() if {name} is MISSING else {name}"
        (by_name if each.kw_only else by_place).append(parameter)
        body.append(f"_held_[{name!r}] = {made}")
    if hasattr(kind, "__post_init__"):
        body.append("self.__post_init__()")
    parameters = ", ".join(by_place + (by_name if len(by_name) > 1 else []))
    code = f"def __init__({parameters}):\n " + "\n ".join(body)
    exec(code, scope)  # nosec B102 # noqa: S102 - as dataclasses does it; the names are of fields in our own code
    constructor: Callable[..., None] = scope["__init__"]
    constructor.__qualname__ = f"{kind.__qualname__}.__init__"
    return constructor


def _repr(self: Any) -> str:
    held = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)
    return f"{type(self).__qualname__}({held})"


def _eq(self: Any, other: object) -> Any:
    return self.__dict__ == other.__dict__ if other.__class__ is self.__class__ else NotImplemented


def _hash(self: Any) -> int:
    return hash(tuple(self.__dict__.values()))


def _set(self: Any, name: str, value: object) -> None:  # noqa: ARG001 - as Python calls it
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _delete(self: Any, name: str) -> None:  # noqa: ARG001
    raise FrozenInstanceError(f"cannot delete field {name!r}")


_METHODS = {
    "__init__": _first_init,
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": _hash,
    "__setattr__": _set,
    "__delattr__": _delete,
}

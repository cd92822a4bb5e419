"""What stands where a mutated function stood: it calls the original, or the one mutant that was chosen.

mutmut's own switch asks the process environment at each call, and knows its module by its path; this one is a look-up.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MutantDict = dict[str, Any]
"""The name that generated code uses for the variants of one function."""

CHOSEN: Final = "_mutmut_orig"
"""Key of the variant that is called: the original until `choose`."""
_VARIANTS: Final[dict[str, MutantDict]] = {}
"""By module and mangled name of a function: its original and its mutants."""


def wrap_in_trampoline(
    variants: MutantDict, *, is_classmethod: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The decorator that generated code puts on the function."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        skipped = 1 if is_classmethod else 0

        @wraps(function)
        def switch(*args: Any, **kwargs: Any) -> Any:
            return variants[CHOSEN](*args[skipped:], **kwargs)

        _VARIANTS[f"{function.__module__}:{function.__qualname__}"] = variants
        return switch

    return decorate


def mutants() -> dict[str, list[str]]:
    """Names of the mutants of each function, by `<module>:<qualified name>`."""
    return {name: [each for each in variants if each != CHOSEN] for name, variants in _VARIANTS.items()}


def choose(function: str, mutant: str) -> None:
    """From now on, in this process, the mutant is called."""
    variants = _VARIANTS[function]
    variants[CHOSEN] = variants[mutant]


def record(hits: set[str]) -> Callable[[], None]:
    """Note the functions that are called in `hits`; gives what ends it."""
    originals = {name: variants[CHOSEN] for name, variants in _VARIANTS.items()}

    def noting(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def note(*args: Any, **kwargs: Any) -> Any:
            hits.add(name)
            return original(*args, **kwargs)

        return note

    for name, original in originals.items():
        _VARIANTS[name][CHOSEN] = noting(name, original)

    def stop() -> None:
        for name, original in originals.items():
            _VARIANTS[name][CHOSEN] = original

    return stop

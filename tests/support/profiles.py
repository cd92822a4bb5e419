"""Hypothesis profiles. `ci` is the default: the same examples on every run, on every machine.

`HYPOTHESIS_PROFILE=deep` looks for a long time, with fresh examples each run; `mutation` is short.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

_WITHOUT_EXPLAINING = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
_SLOW_IS_FINE = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)

settings.register_profile(
    "ci",
    max_examples=100,
    stateful_step_count=30,
    derandomize=True,
    deadline=None,
    phases=_WITHOUT_EXPLAINING,
    suppress_health_check=_SLOW_IS_FINE,
)
settings.register_profile(
    "deep",
    max_examples=3000,
    stateful_step_count=50,
    deadline=None,
    phases=_WITHOUT_EXPLAINING,
    suppress_health_check=_SLOW_IS_FINE,
)
# For mutation testing: each of thousands of mutants is tried, so a try is short, and nobody reads the example.
settings.register_profile(
    "mutation",
    max_examples=12,
    stateful_step_count=20,
    derandomize=True,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=_SLOW_IS_FINE,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

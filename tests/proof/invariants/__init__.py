"""The one checker of the invariants I1 to I13, over what was found (`Evidence`) and what was sent (`Oracle`).

`check(evidence)` gives every finding; each part is a generator of its own and cheap enough to be asked by itself:

    next(stock.positions_of_history(streams, positions), None)      # I1 after one schedule
    require(check(Evidence(streams=..., positions=..., oracle=...)))  # everything

| | holds | parts |
|---|---|---|
| I1 | on hand = its components, none below zero, and equal to what came in, left and came back | `stock`, `books` |
| I2 | refunded <= captured <= authorized, by order and currency; per line <= its total | `money`, `books` |
| I3 | entries balance, are never rewritten, and sum to what others recorded | `stock`, `money`, `log` |
| I4 | what was acknowledged is stored and is at its end or visibly waiting; nothing is invented | `deliveries` |
| I5 | one external event, one effect | `log`, `money`, `deliveries` |
| I6 | units and statuses move along their graphs only | `books`, `log` |
| I7 | one commit per change, numbered without gaps, chained by hash | `log` |
| I8 | nothing is left that the system itself could do | `progress` |
| I9 | what cannot be processed is set aside with its reason, and nobody else | `progress` |
| I10 | parts sum to the total in minor units; what is captured is what was handed over | `money` |
| I11 | nobody is named and no secret stands outside of `contacts` | `privacy` |
| I12 | no 5xx for anything a client sends; refusals are problem documents | `answers` |
| I13 | rows show what their log says; who was answered sees it | `views` |

The system's views are compared and never believed: truth is what the driver sent, what the providers recorded, and the
events in the log, which `books` counts by rules of its own.
"""

from tests.proof.invariants.check import check, check_orders
from tests.proof.invariants.evidence import Evidence, Finding, InvariantError, Oracle, require

__all__ = ["Evidence", "Finding", "InvariantError", "Oracle", "check", "check_orders", "require"]

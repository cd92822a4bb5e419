"""The order aggregate: `decide(state, command) -> events` and `evolve(state, event) -> state`."""

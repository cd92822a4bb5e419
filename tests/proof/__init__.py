"""Tools of trust: what the tests lean on to say that the promises hold under faults."""

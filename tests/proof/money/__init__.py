"""Money against an oracle: random orders, paid, shipped, captured, refunded and cancelled in every way there is."""

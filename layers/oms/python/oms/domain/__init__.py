"""What an order, a stock position and a payment are. Standard library only; no clock, no randomness, no I/O."""

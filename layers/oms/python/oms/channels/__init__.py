"""Sales channels: how each signs, names and words its orders. Pure: bytes in, canonical orders out."""

"""What no change may bring in: security gates over template and code, and the proof that each of them can go red."""

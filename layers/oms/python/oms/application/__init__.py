"""Use cases: one callable each, over ports. No AWS, no HTTP."""

"""Bugs planted on purpose, each kept as a patch against the product, and which check has to see which promise broken.

`<name>.patch` touches product code only. `bugs` is the table, `plant` makes a copy of the tree with one of them in it,
`look` runs one check and is run in that copy. `make bench NAME=seeded_bugs` does all of them.
"""

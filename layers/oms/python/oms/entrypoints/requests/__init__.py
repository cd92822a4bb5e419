"""Bodies of the staff API, a module for each API: a function loads only those it takes."""

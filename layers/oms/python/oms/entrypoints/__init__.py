"""Where events of AWS become calls of use cases, and errors become answers."""

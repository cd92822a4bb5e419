"""Order management system: every order exactly once, no oversell, money to the minor unit."""

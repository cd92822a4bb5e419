"""The protocol of stock, explored whole over small worlds: every order of every step, by the code's own transitions.

An order is turned into an automaton by running its decider on every state it can reach; so is a counter's work. A world
is some of these automata over a few positions. Each step is one conditional transaction, and a plan made on what was
read long ago is a step like any other: it stands whenever its condition does. So all steps are tried in all states, and
what has to hold (`explore.problem`) is held against totals that count what was asked, not what events say.
"""

"""Chaos on the real engine.

Everything is delivered several times, shuffled, eight at once, while functions are killed and their calls fail. What is
left must be what one clean delivery leaves.

`worker/` goes to the path of the engine's function workers (never into what is deployed): it makes calls to AWS fail as
a plan file says. `cast` is who sends what; `arena` an engine with the plan; `play` one seed; `facts` what became of it.
"""

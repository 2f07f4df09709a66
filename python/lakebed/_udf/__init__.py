"""User functions: from a call of `map`, `gen` or `agg` to a stage that the engine runs.

`signature` reads the call, `parameters` what a function takes and `outputs` what it gives;
`stages` makes stages of it. When a stage runs, `calls` makes the calls that need more than
a call, `ship` copies the function to a worker, `failure` and `misfit` say what went wrong.
"""

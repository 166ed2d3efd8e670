"""The hot path in C: Cython twins of `probe.hooks`, `tasks`, `requests` and `await_site`.

Each does what its twin does, record for record; one test suite runs on both. They are there if
`loopviz` was installed with a C compiler at hand, see `probe.core`.
"""

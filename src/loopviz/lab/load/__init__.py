"""The load process: sends HTTP requests on an arrival schedule, and reports on each of them.

`python -m loopviz.lab.load --out-fd N [--run-dir PATH]`; its first line of input is a
`config.LoadConfig`.
"""

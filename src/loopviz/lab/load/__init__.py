"""The load child: sends HTTP requests on an arrival schedule, and says how each one went.

`python -m loopviz.lab.load --out-fd N [--run-dir PATH]`; its first line of input is a
`config.LoadConfig`.
"""

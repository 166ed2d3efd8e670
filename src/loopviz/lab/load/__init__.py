"""The load child: sends HTTP requests on an arrival schedule, and says how each one went.

`python -m loopviz.load --out-fd N [--run-dir PATH]`; `config.Config` is its first line of input.
"""

"""The child process that serves the watched app. Run as `python -m loopviz.lab.target`."""

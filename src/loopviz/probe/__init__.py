"""What runs inside the watched process: the hooks, the watchdog, and how they get in and out.

Standard library only: it is installed into other people's apps.
"""

from loopviz.probe.install import Probe, install
from loopviz.probe.patches import rename as name

__all__ = ["Probe", "install", "name"]

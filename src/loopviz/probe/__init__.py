"""The part that runs in the watched process: hooks and watchdog, installed and uninstalled.

Standard library only, since it runs inside other people's apps.
"""

from loopviz.probe.install import Probe, install
from loopviz.probe.patches import rename as name

__all__ = ["Probe", "install", "name"]

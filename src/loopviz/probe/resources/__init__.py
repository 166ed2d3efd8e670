"""The primitives that tasks wait for, each made to tell `probe.recorder` what happens to it.

`watch` patches the classes once in the process, however many loops are recorded; the last
`unwatch` puts back exactly what was there. Third-party libraries are patched only if the app
imports them, when it does.
"""

__all__ = ["unwatch", "watch"]

_watchers = 0


def watch() -> None:
    """Somebody wants to know: patch, unless it is done already."""
    global _watchers  # noqa: PLW0603
    _watchers += 1


def unwatch() -> None:
    """He does not any more: the last one undoes it."""
    global _watchers  # noqa: PLW0603
    _watchers -= 1

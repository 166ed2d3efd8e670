"""The dumps beside a ring: the code that holds the GIL right now."""

from pathlib import Path

from loopviz.wire.dump import DumpReader

__all__ = ["Dumps"]


class Dumps:
    """Follows the dump file that another process writes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader: DumpReader | None = None

    def newest(self) -> tuple[int, list[str], int] | None:
        """The newest dump since the last call: its time in ns, frames and culprit; None without."""
        if self._reader is None:
            try:
                self._reader = DumpReader(self._path)
            except (OSError, ValueError, KeyError):  # no such file, or it is just being created
                return None
        dump = self._reader.read()
        if dump is None:
            return None
        # the whole probe comes with these, and few runs have a dump: the screen opens sooner
        from loopviz.probe.places import Places  # noqa: PLC0415
        from loopviz.probe.stacks import dumped_stack  # noqa: PLC0415

        stack = dumped_stack(Places(self._reader.user, self._reader.library), dump.frames)
        return (dump.at_ns, stack.frames, stack.culprit) if stack.frames else None

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()

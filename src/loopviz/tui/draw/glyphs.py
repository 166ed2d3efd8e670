"""The characters that tell states apart without colour: block glyphs, or ASCII for plain fonts."""

from dataclasses import dataclass

from loopviz.model.snapshot.types import State

__all__ = ["ASCII", "BLOCKS", "Glyphs"]


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set. Every entry is one cell wide, but for the words."""

    run: str
    ready: str
    waiting: str
    blocking: str
    resource: str
    thread: str
    gil: str
    orphan: str
    """What nobody waits for any more."""
    message: str
    """A message that a request sends or receives."""
    bang: str
    """Ends a blocking slice."""
    levels: str
    """From nothing to full."""
    eighths: str
    """Blocks that grow from the left, empty to full; empty string if the font has none."""
    half_left: str
    half_right: str
    mark: str
    mark_line: str
    tick: str
    rule: str
    wall: str
    down: str
    up: str
    chosen: str
    """In the parentheses of the alternative that is on."""
    only: str
    """A chosen slice that has but one cell."""
    arrow: str
    pointer: str
    here: str
    """Points at what stands left of it."""
    runs: str
    """Beside the lines that run."""
    dot: str
    circle: str
    """A task that waits for itself in the end."""
    more: str
    times: str
    shades: str
    """From nothing to many, for heat-maps."""

    def of(self, state: State) -> str:
        """The state's glyph, as the legend shows it."""
        return (
            self.run,
            self.ready,
            self.waiting,
            self.blocking,
            self.resource,
            self.thread,
            self.gil,
        )[state - 1]


BLOCKS = Glyphs(
    run="█",
    ready="▒",
    waiting="─",
    blocking="▓",
    resource="░",
    thread="═",
    gil="▚",
    orphan="╍",
    message="•",
    bang="!",
    levels=" ▁▂▃▄▅▆▇█",
    eighths=" ▏▎▍▌▋▊▉█",
    half_left="╴",
    half_right="╶",
    mark="▼",
    mark_line="┊",
    tick="╷",
    rule="─",
    wall="│",
    down="▼",
    up="▲",
    chosen="•",
    only="◆",
    arrow="→",
    pointer="▶",
    here="◄",
    runs="┃",
    dot="·",
    circle="↺",
    more="…",
    times="×",
    shades=" ░▒▓█",
)

ASCII = Glyphs(
    run="#",
    ready="=",
    waiting="-",
    blocking="!",
    resource=".",
    thread="~",
    gil="%",
    orphan="o",
    message="*",
    bang="!",
    levels=" .:-=+*#@",
    eighths="",
    half_left="-",
    half_right="-",
    mark="v",
    mark_line=":",
    tick="|",
    rule="-",
    wall="|",
    down="v",
    up="^",
    chosen="*",
    only="$",
    arrow="->",
    pointer=">",
    here="<",
    runs="|",
    dot=".",
    circle="@",
    more="..",
    times="x",
    shades=" .:*#",
)

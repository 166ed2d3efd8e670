"""What a node of the tree waits for, in words, the longest first."""

from loopviz.model.snapshot import State, WaitNode
from loopviz.tui.draw.glyphs import Glyphs
from loopviz.tui.draw.text import clean
from loopviz.wire.kinds import Family, kind_of

__all__ = ["node_name", "node_tone", "wait_words"]

_ROLES = {"holder": "held by ", "taker": "last taken by ", "worker": "works for "}
_NOBODY = {
    Family.EVENT: ("nobody is known who could set it", "setter not known"),
    Family.CONDITION: ("nobody is known who could notify", "notifier not known"),
}
_GROUPS = {
    "task": ("awaits a task",),
    "shield": ("awaits a shielded task", "shield"),
    "wait_for": ("awaits a task through wait_for", "wait_for"),
}


def node_name(node: WaitNode, glyphs: Glyphs) -> str:
    """`held by GET /order ×5`, `#12 fetch`."""
    if node.how == "unknown":
        return "held by a task that is not known"
    name = f"#{node.task} {node.label}" if node.count == 1 else _times(node, glyphs)
    return f"{_ROLES.get(node.role, '')}{name}"


def _times(node: WaitNode, glyphs: Glyphs) -> str:
    return f"{node.label} {glyphs.times}{node.count}"


def node_tone(node: WaitNode) -> str:
    """The name of a style of the theme, as in the table."""
    if node.deadlock or node.how == "ended":
        return "alarm"
    if node.how in ("resource", "queued") or node.cut == "circle":
        return "warm"
    return {"runs": "strong", "ready": "warm", "job": "text"}.get(node.how, "dim")


def wait_words(node: WaitNode, name: str, glyphs: Glyphs) -> list[str]:
    """What the node waits for; `name` is the short name of its resource."""
    if node.key[0] == "again":
        return _again(node, glyphs)
    texts = [clean(f"{_glyph(node, glyphs)} {text}") for text in _texts(node, name)]
    if node.cut == "circle":
        return [f"{text}, in a circle {glyphs.circle}" for text in texts] + [
            f"{texts[-1]} {glyphs.circle}"
        ]
    if node.cut:
        where = "see above" if node.cut == "above" else "see below"
        return [*(f"{text}, {where}" for text in texts), texts[-1]]
    return texts


def _again(node: WaitNode, glyphs: Glyphs) -> list[str]:
    if node.how == "unknown":
        return [""]
    if node.cut == "circle":
        whom = "itself" if node.count == 1 else "each other"
        waits = "waits" if node.count == 1 else "wait"
        return [f"{glyphs.circle} {waits} for {whom}", f"{glyphs.circle} a circle"]
    return ["see above"]


def _glyph(node: WaitNode, glyphs: Glyphs) -> str:
    state = {
        "runs": State.RUN,
        "ready": State.READY,
        "resource": State.RESOURCE,
        "queued": State.RESOURCE,
        "job": State.THREAD,
    }.get(node.how, State.AWAIT)
    if node.how == "await" and node.what == "thread":
        state = State.THREAD
    return glyphs.bang if node.how == "ended" else glyphs.of(state)


def _texts(node: WaitNode, name: str) -> tuple[str, ...]:
    if node.how in _GROUPS:
        return _GROUPS[node.how]
    if node.how in ("gather", "wait", "TaskGroup"):
        pending = f"one of {node.of}" if node.any_of else f"{node.of} pending"
        return (f"{node.how}, {pending}", f"{node.how} {node.of}")
    if node.how == "resource":
        return _resource(node, name)
    if node.how == "take":
        empty = ", empty" if not node.in_use else ""
        return (f"{name}{empty}: who puts into it is not known", f"{name}{empty}")
    if node.how == "await":
        return _awaited(node.what)
    if node.how == "job":
        more = f", {node.of} jobs" if node.of > 1 else ""
        return (f"a worker runs {node.what}{more}", f"runs {node.what}")
    if node.how == "queued":
        return (f"{node.what} is queued for {name}", f"queued for {name}", "queued")
    return {
        "runs": ("runs",),
        "ready": ("ready, has not started",),
        "unread": ("waits; for what was not read since its last step", "waits"),
        "ended": ("has ended without giving it back", "has ended"),
    }.get(node.how, ("waits",))


def _resource(node: WaitNode, name: str) -> tuple[str, ...]:
    family = kind_of(node.kind).family
    if family in _NOBODY:
        return (*(f"{name}: {nobody}" for nobody in _NOBODY[family]), name)
    units = f"{name} {node.in_use}/{node.capacity}" if node.capacity else name
    if node.of and (node.parent or node.cut):
        return (f"{units}, for its job in a thread", f"{units}, in a thread", units)
    if family is Family.BARRIER or node.parent or node.cut:
        return (units, name)
    if family is Family.QUEUE:
        return (f"{units}: who takes from it is not known", units)
    return (f"{units}: the holder is not known", units)


def _awaited(what: str) -> tuple[str, ...]:
    if what == "future":
        return (
            "a future: nobody is known who could set it",
            "a future, setter not known",
            "a future",
        )
    if what == "sleep":
        return ("sleep",)
    return (f"await {what}",) if what else ("waits",)

"""`python docs/findings.py`: write the table in `report.md` from the rules."""

from collections.abc import Iterator
from pathlib import Path

from loopviz.model.findings.rules import RULE_INFOS

PAGE = Path(__file__).with_name("report.md")
BEGIN, END = "<!-- rules -->\n", "<!-- /rules -->\n"


def main() -> None:
    PAGE.write_text(page(), "utf-8")


def page() -> str:
    """The whole page, with a new table."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    return "".join((before, BEGIN, *(f"{line}\n" for line in table()), END, after))


def table() -> Iterator[str]:
    """The heading, and a row for each rule."""
    yield "| rule | fires when | `count`, `worst_ms` | what can deceive it |"
    yield "|---|---|---|---|"
    for rule in RULE_INFOS.values():
        yield f"| `{rule.id}` | {rule.fires_when} | {rule.counts} | {rule.false_alarms or '–'} |"


if __name__ == "__main__":
    main()

"""Each rule is one file with all its words, and the documents have them from there."""

import re
from pathlib import Path

from loopviz.model.findings import rules
from loopviz.model.findings.rules import RULE_INFOS, RULES, lock_convoy
from loopviz.model.findings.rules.lock_convoy import LockConvoy


def test_every_file_of_a_rule_is_in_the_table_under_the_rules_name():
    files = {path.stem for path in Path(rules.__file__).parent.glob("[a-z]*.py")}
    assert files == {rule.__module__.rpartition(".")[2] for rule in RULES}
    for rule in RULES:
        name = rule.__module__.rpartition(".")[2]
        assert rule.info.id == name.replace("_", "-")
        assert re.sub(r"(?<!^)(?=[A-Z])", "_", rule.__name__).lower() == name


def test_every_rule_says_what_it_means():
    assert len(RULE_INFOS) == len(RULES)
    for info in RULE_INFOS.values():
        assert info.title == info.title.upper()
        assert len(info.title) <= 26, "the finding's column"
        assert len(info.summary) <= 55
        assert len(info.why) <= 100
        assert info.why.endswith(".")
        assert info.cures
        assert info.tried
        texts = (info.summary, info.fires_when, info.counts, info.false_alarms)
        for text in (*texts, *info.cures, *info.tried):
            assert not text.endswith(".")
            assert "|" not in text, "it may stand in a table"
        assert info.many.format(places=2, count=3)


def test_the_page_of_the_rules_is_up_to_date(docs_script):
    generator = docs_script("findings")
    assert generator.PAGE.read_text("utf-8") == generator.page(), "run: python docs/findings.py"


def test_the_page_has_the_thresholds_that_the_rules_use(docs_script):
    generator = docs_script("findings")
    for rule in RULES:
        if not rule.info.id.startswith(("never", "task-lost")):
            assert list(generator.thresholds(rule)), rule
    (waits, *_) = generator.thresholds(LockConvoy)
    meaning = "How many others have to wait already for a wait to count."
    assert waits == (str(lock_convoy._AHEAD), meaning)

"""Each application is a scenario; a person judges what is found, see docs/applications.md."""

from loopviz.lab.catalogue.reading import read_file
from tests.applications.__main__ import APPS, REQUIREMENTS


def test_each_application_is_a_scenario_that_can_be_read():
    files = sorted(path for path in APPS.glob("*.py") if not path.name.startswith("_"))
    assert [path.stem for path in files] == [f"{name}_app" for name in REQUIREMENTS]
    assert [read_file(path).error for path in files] == [""] * len(files)

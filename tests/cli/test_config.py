"""The configuration file: what it sets, and what is said of one that is off."""

import pytest

from loopviz.cli import config
from loopviz.errors import UsageError
from loopviz.tui.state.actions import ACTIONS, make_keymap


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "config.toml"
    monkeypatch.setenv("LOOPVIZ_CONFIG", str(path))
    return path


def test_without_a_file_nothing_is_set(tmp_path, monkeypatch):
    monkeypatch.delenv("LOOPVIZ_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert config.config_path().is_relative_to(tmp_path)
    assert config.config_path().parts[-2:] == ("loopviz", "config.toml")
    assert config.load() == config.Settings()


def test_all_that_can_be_set(file):
    file.write_text(
        'theme = "contrast"\nfps = 12\nascii = true\npresent = false\n'
        '[keys]\nhelp = ["f1", "?"]\nquit = "Q"\ntheme = []\n',
        "utf-8",
    )
    keys = {"help": ("f1", "?"), "quit": ("Q",), "theme": ()}
    assert config.load() == config.Settings("contrast", 12, True, False, keys)
    made = make_keymap(keys)
    assert (made.name("f1"), made.name("question_mark")) == ("help", "help")
    assert (made.name("Q"), made.name("shift+q"), made.name("q")) == ("quit", "quit", None)
    assert made.name("T") is None
    assert (made.label("help"), made.label("theme"), made.label("freeze")) == ("f1", "", "space")


def test_a_key_can_go_from_one_action_to_another(file):
    file.write_text('[keys]\nquit = "s"\nscenarios = "q"\n')
    made = make_keymap(config.load().keys)
    assert (made.name("s"), made.name("q")) == ("quit", "scenarios")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('\ntheme = "blue"', 2, "theme is 'blue': say 'dark', 'light' or 'contrast'."),
        ("fps = 0", 1, "fps is 0: say a whole number from 1 to 60."),
        ("fps = true", 1, "fps is True: say a whole number from 1 to 60."),
        ("fps = 29.5", 1, "fps is 29.5: say"),
        ('ascii = "no"', 1, "ascii is 'no': say true or false."),
        (
            "colour = 1",
            1,
            "colour is not a setting: there are theme, fps, ascii, present and [keys].",
        ),
        ("keys = 3", 1, "keys is 3: write a table"),
        (
            '[keys]\nhelp = "?"\nzoom = "z"',
            3,
            "zoom is not an action: `loopviz keys` names them",
        ),
        ("[keys]\nhelp = 3", 2, "help is 3: say a key, or a list of keys."),
        ('[keys]\nhelp = ["?", 3]', 2, "help is ['?', 3]: say a key"),
        ('[keys]\n"help" = "hyper+h"', 2, "'hyper+h' is not a key that help can have: say a sign"),
        ('[keys]\nhelp = ""', 2, "'' is not a key that help can have"),
        ('[keys]\nhelp = "ctrl+c"', 2, "'ctrl+c' is not a key that help can have"),
        ('[keys]\nhelp = "q"', 2, "'q' is the key of quit already: give quit another one."),
        ('[keys]\nhelp = "x"\nquit = "x"', 3, "'x' is the key of help already: give help"),
        ("theme dark", 1, "Expected"),
    ],
)
def test_what_is_off_is_said_with_its_line(file, text, line, said):
    file.write_text(text)
    with pytest.raises(UsageError) as raised:
        config.load()
    assert str(raised.value).startswith(f"{file}, line {line}: {said}")
    assert raised.value.exit_code == 2


def test_a_file_that_is_named_must_be_there(file):
    with pytest.raises(UsageError, match="and there is no such file"):
        config.load()


def test_a_file_that_cannot_be_read(file):
    file.write_bytes(b"theme = '\xff'")
    with pytest.raises(UsageError, match="it is not UTF-8"):
        config.load()
    file.unlink()
    file.mkdir()
    with pytest.raises(UsageError, match="cannot be read"):
        config.load()


def test_every_action_can_be_given_another_key(file):
    spare = "éèàùçñöüäßîôâêûëïœæøåłđħŋþðıĸŧ«»¢“”µ€·¬½¼³²¹¡¿±§°" * 2
    lines = [f'{action.name} = "ctrl+{i}"' for i, action in enumerate(ACTIONS[:9])]
    lines += [f'{action.name} = "{key}"' for action, key in zip(ACTIONS[9:], spare, strict=False)]
    file.write_text("[keys]\n" + "\n".join(lines[:50]), "utf-8")
    assert len(config.load().keys) == 50

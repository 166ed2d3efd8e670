"""A line of text as it is typed: what each key makes of it."""

__all__ = ["edited"]


def edited(text: str, key: str, character: str | None) -> str | None:
    """The text after this key, as Textual calls it; None: the key is not for typing."""
    if key == "backspace":
        return text[:-1]
    if key == "ctrl+u":
        return ""
    if key == "ctrl+w":
        return text.rstrip().rpartition(" ")[0]
    if character and character.isprintable():
        return text + character
    return None

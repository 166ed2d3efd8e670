"""Loops of a program that were not recorded, in words."""

__all__ = ["left_out_words"]


def left_out_words(loops: int, crowded: int) -> str:
    """A sentence, or two; empty if there are none. `crowded`: how many ran beside eight others."""
    short = loops - crowded
    said = []
    if short:
        were, them = ("loop was", "it") if short == 1 else ("loops were", "them all")
        said.append(
            f"{short:,} short {were} not recorded: to record {them} would slow the program."
        )
    if crowded:
        were = "loop was" if crowded == 1 else "loops were"
        said.append(f"{crowded:,} {were} not recorded, since eight others were.")
    return " ".join(said)

"""A driver of Textual's that says when it takes the terminal and when it has given it back."""

from textual.driver import Driver

from loopviz.engine.terminal import Terminal

__all__ = ["reporting_driver"]


def reporting_driver(driver: type[Driver], terminal: Terminal) -> type[Driver]:
    """That driver, which tells the terminal's guard of each of its screens.

    An editor, or a shell after SIGTSTP, has the terminal to itself in between.
    """

    class ReportingDriver(driver):  # type: ignore[misc, valid-type]
        def start_application_mode(self) -> None:
            terminal.before_screen()
            super().start_application_mode()
            terminal.screen()

        def close(self) -> None:
            super().close()  # returns when all has been written
            terminal.after_screen()

    return ReportingDriver

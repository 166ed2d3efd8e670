"""A driver of Textual's that says when it takes the terminal and when it has given it back."""

from textual.driver import Driver

from loopviz.engine.terminal import Terminal
from loopviz.tui.hangup import is_terminal_gone

__all__ = ["reporting_driver"]


def reporting_driver(driver: type[Driver], terminal: Terminal) -> type[Driver]:
    """That driver, which tells the terminal's guard of each of its screens.

    An editor, or a shell after SIGTSTP, has the terminal to itself in between.

    Textual's starts a screen at every SIGCONT. But one comes after SIGSTOP as well, with the screen
    still on; and the kernel sends one with SIGHUP when the terminal goes away. The second screen's
    input thread would have nobody who ends it: it would read the end of a closed terminal for ever.
    """

    class ReportingDriver(driver):  # type: ignore[misc, valid-type]
        is_on = is_suspended = False

        def start_application_mode(self) -> None:
            terminal.before_screen()
            super().start_application_mode()
            self.is_on = True
            terminal.screen()

        def close(self) -> None:
            super().close()  # returns when all has been written
            self.is_on = False
            terminal.after_screen()

        def suspend_application_mode(self) -> None:
            super().suspend_application_mode()
            self.is_suspended = True

        def resume_application_mode(self) -> None:
            if self.is_on and not is_terminal_gone():
                self.suspend_application_mode()  # a shell may have set attributes of its own
            if self.is_suspended:
                self.is_suspended = False
                super().resume_application_mode()

    return ReportingDriver

"""The error that the command line shows as one line instead of a traceback."""


class CommandError(Exception):
    """Something the user can mend: `str(error)` says what is wrong and how; `exit_code` is the process's."""

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code

"""What can go wrong, by what the caller should do about it."""


class MartError(Exception):
    """A failure that one plain sentence explains; the command line prints only that sentence."""

    exit_code = 1


class UsageError(MartError):
    """The command line, the settings or the environment are wrong; nothing was read."""

    exit_code = 2


class DataError(MartError):
    """The data broke its contract; nothing was published."""

    exit_code = 3


def first_line(error: Exception) -> str:
    """The first line of an engine's message, without the plan and the stack that follow."""
    return str(error).strip().split("\n", 1)[0]

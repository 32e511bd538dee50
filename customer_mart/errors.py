"""What can go wrong, by what the caller should do about it."""

JVM_CALL_FAILED = "An error occurred while calling "


class MartError(Exception):
    """A failure that one plain sentence explains; the command line prints only that sentence."""

    exit_code = 1


class UsageError(MartError):
    """The command line, the settings or the environment are wrong; nothing was published."""

    exit_code = 2


class DataError(MartError):
    """The data or a table broke its contract.

    Nothing but quarantine was published, unless the run found it out while it published, as when
    the ledger of erased customers was taken away meanwhile.
    """

    exit_code = 3


class UnhealthyError(MartError):
    """The mart is not as it should be; nothing was changed."""

    exit_code = 3


class GaveWayError(Exception):
    """What cannot end in the way that costs less, and is done in the other: its reason.

    Whoever knows the other way catches it; no run ends with it.
    """


def first_line(error: Exception) -> str:
    """The first line of an engine's message, without the plan and the stack that follow.

    An error of the JVM that Python has no class for first says which call failed; its own
    message is on the line after that. One without a message goes by the name of its class.
    """
    first, *others = str(error).strip().split("\n")
    if others and first.startswith(JVM_CALL_FAILED):
        first = others[0].lstrip(": ")
    return first or type(error).__name__

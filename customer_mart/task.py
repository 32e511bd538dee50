"""The entry point of a Databricks wheel task, which fails by an exception alone."""

from customer_mart import cli


def main() -> None:
    """`customer-mart` with the arguments of the task.

    Databricks calls this function and ignores what it returns, so that a code other than 0 has
    to be raised; a raised 0 would be reported as a failure too.

    Raises:
        SystemExit: with the exit code of `customer-mart`, if that is not 0.
    """
    code = cli.main()
    if code != 0:
        raise SystemExit(code)

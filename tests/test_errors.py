from customer_mart.errors import first_line


def test_an_error_is_told_by_its_first_line() -> None:
    assert first_line(ValueError("not a date\n== plan ==\nScan")) == "not a date"


def test_an_error_of_the_jvm_is_told_by_its_own_message_below_the_call() -> None:
    told = "An error occurred while calling o42.count.\n: java.io.IOException: gone\n\tat Scan"
    assert first_line(RuntimeError(told)) == "java.io.IOException: gone"


def test_an_error_that_says_nothing_goes_by_the_name_of_its_class() -> None:
    assert first_line(MemoryError()) == "MemoryError"

"""What a setting takes, in words that fit a YAML file rather than pydantic."""

import re
from typing import Any

WHOLE_NUMBER, NUMBER = "a whole number is expected", "a number is expected"
TRUE_OR_FALSE, BY_NAME = "true or false is expected", "settings by name are expected"
# By pydantic's type of error. What is not here has a sentence of its own that can be used.
EXPECTED = {
    "tuple_type": "a list is expected, such as [a, b]",
    "dict_type": BY_NAME,
    "model_type": BY_NAME,
    "bool_type": TRUE_OR_FALSE,
    "bool_parsing": TRUE_OR_FALSE,
    "int_type": WHOLE_NUMBER,
    "int_parsing": WHOLE_NUMBER,
    "int_from_float": WHOLE_NUMBER,
    "decimal_type": NUMBER,
    "decimal_parsing": NUMBER,
    "finite_number": NUMBER,
    "string_type": "text is expected, in quotes where YAML takes it for something else",
    "string_too_short": "it must not be empty",
}
NAME = re.compile(r"[\w.-]+")
TIME = "a time is expected, such as 2025-01-01T00:00:00Z"


def expected(error_type: str, message: str) -> str:
    """What was expected in the place of a bad value.

    error_type, message: what pydantic says of it.
    """
    if error_type.startswith("datetime_"):
        return TIME
    own = re.sub(r"^(?:Decimal input|Input) should ", "it has to ", message)
    return EXPECTED.get(error_type, own.removeprefix("Value error, "))


def setting_name(place: tuple[Any, ...]) -> str:
    """The setting that an error is about; pydantic says of a name that it is a key."""
    return shown_name(".".join(str(part) for part in place if part != "[key]")) or "settings"


def shown_name(name: str) -> str:
    """A name of the configuration without what no name has, and dots in its place.

    Where the blank after a : was forgotten, what follows it is the value, and may be a secret.
    """
    beginning = NAME.match(name)
    if beginning is None:
        return "..." if name else ""
    return name if beginning[0] == name else f"{beginning[0]}..."

"""Names and places that a configuration may give, judged before any statement is built of them.

Whatever passes here is still quoted where it becomes SQL. What is refused is what a name or path
never needs: a way out of its quotes, a way out of its folder, a credential, and a reference to
one.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from customer_mart.places import absolute
from customer_mart.settings.expected import shown_name

CREDENTIAL_FOUND = "credential_found"
# What a catalog takes without surprises, and nothing that could end one identifier and begin
# another statement.
_PART = "[A-Za-z_](?:[A-Za-z0-9_]|-(?!-))*"
# A user and a password before a host, however many slashes were typed, or a signature among a
# URI's parameters. A port is no password, but where an @ follows no one can tell.
_CREDENTIAL = re.compile(
    r":/+[^/\s@:]*(?::|%3a)[^\s@]*@"
    r"|[?&;](?:sig|sas|[\w.-]*(?:signature|token|secret|password|pwd|credential|key|auth)"
    r"|x-amz-[a-z-]+)=",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(
    r"secret|passw|pwd|token|credential|signature|key|oauth|\b(?:auth|sas)\b|\bs3[an]?\.access$",
    re.IGNORECASE,
)
# Options of Spark's readers, in small letters. customer_mart.session has those of sessions.
_HIDES_ROWS = (
    ("ignorecorruptfiles", "true"),
    ("ignoremissingfiles", "true"),
    ("mode", "dropmalformed"),
)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BREAKS_OUT = re.compile(r'[`";]')
# In a statement, as in ${env:NAME}, Spark puts the variable's value in the place of such a
# reference before it looks at any quotes.
_REFERENCE = "${"


def holds_credential(text: str) -> bool:
    """Whether a place carries a key, a password or a signature."""
    return _CREDENTIAL.search(text) is not None


def _catalog_name(name: str, parts: int) -> str:
    if not re.fullmatch(rf"{_PART}(?:\.{_PART}){{0,{parts - 1}}}", name):
        raise ValueError(
            f"a name in a catalog is letters, digits, _ and -, in at most {parts} parts with dots "
            "between, each of which begins with a letter or _"
        )
    return name


def _schema_name(name: str) -> str:
    """A schema, or catalog.schema."""
    return _catalog_name(name, 2)


def _table_name(name: str) -> str:
    """A table, schema.table, or catalog.schema.table."""
    return _catalog_name(name, 3)


def _place(place: str) -> str:
    """A folder, a file or a URI."""
    _refuse_secret(place)
    if not place.strip():
        raise ValueError("a path must not be empty; null means none")
    if not place.isprintable():
        raise ValueError("a path must not contain control characters")
    if _BREAKS_OUT.search(place):
        raise ValueError("a path must not contain a backtick, a double quote or a semicolon")
    # A relative one begins with the working directory wherever it is used.
    _refuse_reference(absolute(place), "a path")
    if ".." in re.split(r"[/\\]", place):
        raise ValueError("a path must not contain ..: name the folder itself")
    return place


def _column_name(name: str) -> str:
    """A column as delivered, whatever it is called: it is quoted wherever it stands in SQL."""
    if not name:
        raise ValueError("a column name must not be empty")
    return name


def _principal(name: str) -> str:
    """A user or a group, as GRANT takes it between backticks."""
    if not name.strip() or not name.isprintable() or _BREAKS_OUT.search(name):
        raise ValueError(
            "a user or group must not contain a control character, a backtick, a double quote "
            "or a semicolon"
        )
    _refuse_reference(name, "a user or group")
    return name


def _label(label: str) -> str:
    """A label of customers, which the checks name in SQL."""
    _refuse_reference(label, "a label")
    return label


def _as_text(options: object) -> object:
    """Options with true, false and numbers as Spark's readers take them: as text."""
    if not isinstance(options, dict):
        return options
    return {name: _text_of(value) for name, value in options.items()}


def _text_of(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _reader_options(options: dict[str, str]) -> dict[str, str]:
    """Options of Spark's readers, none of which is a credential or another place."""
    for name, value in options.items():
        if name.lower() in ("path", "paths"):
            raise ValueError(f"{name} is no option: the place has a setting of its own, path")
        if (name.lower(), value.lower()) in _HIDES_ROWS:
            raise ValueError(
                f"{name} must not be {value} here: rows that cannot be read would be missing, "
                "without an error"
            )
        if _SECRET_NAME.search(name):
            raise PydanticCustomError(
                CREDENTIAL_FOUND,
                "the option {name} is a credential, which belongs to the session and never into "
                "the settings (docs/platforms/object-storage.md)",
                {"name": shown_name(name)},
            )
        _refuse_secret(value)
        # Hadoop takes options for its own settings, in which it too knows such references.
        _refuse_reference(value, "an option")
    return options


def _variable(name: object) -> object:
    """An environment variable. What is none may be the very secret, which is not repeated."""
    if isinstance(name, str) and _VARIABLE.fullmatch(name):
        return name
    raise PydanticCustomError(
        CREDENTIAL_FOUND, "name an environment variable that holds the secret, not the secret"
    )


def _refuse_reference(text: str, what: str) -> None:
    if _REFERENCE in text:
        raise ValueError(
            f"{what} must not contain {_REFERENCE}: the engine would put a variable's value there"
        )


def _refuse_secret(place: str) -> None:
    if holds_credential(place):
        raise PydanticCustomError(
            CREDENTIAL_FOUND,
            "it holds a credential, which belongs to the session and never into the settings "
            "(docs/platforms/object-storage.md)",
        )


SchemaName = Annotated[str, AfterValidator(_schema_name)]
TableName = Annotated[str, AfterValidator(_table_name)]
Place = Annotated[str, AfterValidator(_place)]
ColumnName = Annotated[str, AfterValidator(_column_name)]
Principal = Annotated[str, AfterValidator(_principal)]
Label = Annotated[str, Field(min_length=1), AfterValidator(_label)]
Variable = Annotated[str, BeforeValidator(_variable)]
ReaderOptions = Annotated[
    dict[str, str], BeforeValidator(_as_text), AfterValidator(_reader_options)
]

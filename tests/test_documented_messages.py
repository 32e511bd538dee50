"""The messages that the pages explain are those that the package has, and the other way round."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from customer_mart.errors import DataError, MartError, UsageError

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "customer_mart"
# Where a sentence of the package has a value that only a run knows.
VALUE = "\0"
# What a page puts in such a place: dots, or N and M for numbers.
ANYTHING = re.compile(r"\.\.\.|\b[NM]\b")
# Sentences that begin in another's words.
NOT_OURS = {
    "usage: ...",  # argparse's
}


def _section(page: str, section: str) -> str:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    [found] = re.findall(rf"^## {section}$(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    return str(found)


def _messages(tables: str) -> list[str]:
    """What stands in backticks in the first column of tables."""
    rows = re.findall(r"^\| (`.*?) \|", tables, re.MULTILINE)
    return [message for row in rows for message in re.findall(r"`([^`]+)`", row)]


def _quoted(page: str) -> list[str]:
    return _messages(_section(page, PAGES[page]))


def _quoted_of_code(code: int) -> list[str]:
    """The messages under an exit code on the page for those on call, and those of erasures."""
    tables = _section("operations.md", PAGES["operations.md"])
    [of_code] = re.findall(
        rf"^Exit code {code}:$(.*?)(?=^Exit code |\Z)", tables, re.DOTALL | re.MULTILINE
    )
    return [*_messages(of_code), *_quoted("erasure.md")]


def _sentences() -> Iterator[str]:
    """Every text of the package, f-strings whole, with VALUE for what is put in."""
    for file in PACKAGE.rglob("*.py"):
        module = ast.parse(file.read_text(encoding="utf-8"))
        constants, nodes = dict(_constants(module)), list(ast.walk(module))
        no_messages = {id(part) for node in nodes for part in _docstring_or_parts(node)}
        for node in (node for node in nodes if id(node) not in no_messages):
            match node:
                case ast.JoinedStr(values=parts):
                    yield "".join(_part(part, constants) for part in parts)
                case ast.Constant(value=str(text)):
                    # For str.format and for pydantic.
                    yield re.sub(r"{\w*}", VALUE, text)


def _raised() -> Iterator[tuple[str, int, str]]:
    """Every sentence that is written where its error is made, with its file and exit code.

    What is put together elsewhere, as by a function of its own, is none of these.
    """
    for file in sorted(PACKAGE.rglob("*.py")):
        module = ast.parse(file.read_text(encoding="utf-8"))
        constants = dict(_constants(module))
        for node in ast.walk(module):
            match node:
                case ast.Call(func=ast.Name(id=name), args=[ast.JoinedStr(values=parts)]):
                    text = "".join(_part(part, constants) for part in parts)
                case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(text))]):
                    pass
                case _:
                    continue
            if name in ERRORS:
                yield str(file.relative_to(ROOT)), ERRORS[name], text


def _docstring_or_parts(node: ast.AST) -> list[ast.expr]:
    """Texts that are no messages by themselves: a docstring, and the parts of an f-string."""
    match node:
        case ast.Expr(value=ast.Constant() as docstring):
            return [docstring]
        case ast.JoinedStr(values=parts):
            return parts
        case _:
            return []


def _constants(module: ast.Module) -> Iterator[tuple[str, str]]:
    """The texts that a module gives a name, such as VIEW."""
    for line in module.body:
        match line:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                yield name, text


def _part(part: ast.expr, constants: dict[str, str]) -> str:
    match part:
        case ast.Constant(value=str(text)):
            return text
        case ast.FormattedValue(value=ast.Name(id=name)):
            return constants.get(name, VALUE)
        case _:
            return VALUE


def _pattern(message: str) -> re.Pattern[str]:
    """Matches a sentence that has the words of the message, in their order, between its values."""
    beginning, *others = (words.strip(" :;,()") for words in ANYTHING.split(message))
    return re.compile(".*".join(re.escape(words) for words in (beginning, *others)), re.DOTALL)


def _is_said(message: str) -> bool:
    """Whether a sentence of the package is the message, or two are, one put into the other."""
    if any(_pattern(message).match(sentence) for sentence in SENTENCES):
        return True
    head, _, tail = message.partition("...")
    pattern = _pattern(f"...{tail}")
    ends = (sentence for sentence in SENTENCES if sentence.startswith(VALUE))
    return f"{head}{VALUE}" in SENTENCES and any(pattern.match(sentence) for sentence in ends)


def _is_explained(sentence: str, code: int) -> bool:
    """Whether a message of a page stands for the sentence, under the exit code of its error."""
    return any(_pattern(message).match(sentence) for message in _quoted_of_code(code))


ERRORS = {error.__name__: error.exit_code for error in (MartError, DataError, UsageError)}
SENTENCES = list(_sentences())
PAGES = {"operations.md": "Failures", "erasure.md": "Messages"}


@pytest.mark.parametrize(
    ("page", "message"),
    [(page, text) for page in PAGES for text in _quoted(page)],
)
def test_a_quoted_message_is_one_of_the_package(page: str, message: str) -> None:
    assert _is_said(message) != (message in NOT_OURS), f"docs/{page}"


@pytest.mark.parametrize(("file", "code", "sentence"), list(_raised()))
def test_a_sentence_of_the_package_is_explained_under_its_exit_code(
    file: str, code: int, sentence: str
) -> None:
    assert _is_explained(sentence, code), file


@pytest.mark.parametrize(
    "sentence", ["The mart is haunted", "There is no tea at \0", "Spark does not sleep: \0"]
)
def test_a_sentence_that_no_page_has_is_not_taken_for_explained(sentence: str) -> None:
    assert not any(_is_explained(sentence, code) for code in ERRORS.values())


@pytest.mark.parametrize(("page", "number"), [("operations.md", 71), ("erasure.md", 17)])
def test_the_messages_are_found_on_the_page(page: str, number: int) -> None:
    assert len(_quoted(page)) == number


@pytest.mark.parametrize(
    "message",
    ["Source ... is mislaid: nothing is at ...", "where the mart is", "rows quarantined"],
)
def test_other_words_and_half_sentences_are_no_messages_of_the_package(message: str) -> None:
    assert not _is_said(message)

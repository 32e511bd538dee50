"""Writes docs/data-dictionary.md from the contracts."""

from pathlib import Path

from customer_mart.contracts.dictionary import data_dictionary

PAGE = Path(__file__).resolve().parent.parent / "docs" / "data-dictionary.md"


def main() -> None:
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(data_dictionary(), encoding="utf-8")


if __name__ == "__main__":
    main()

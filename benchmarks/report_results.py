"""Read the committed tables of results, and format them as Markdown."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path("benchmarks/results")
FILMS = {
    "isbi2015_validation": "ISBI 2015, 25 validation films",
    "hamedan": "Hamedan, 20 films, another clinic and scanner",
}
BUNDLES = {"cephalometric_landmarks": "BasicUNet", "cephalometric_landmarks_pretrained": "default model"}
"""Titles of bundles in the tables; a bundle that is not named here goes by the name of its folder."""

Row = dict[str, str]
Cell = Callable[[Row], str]
"""How a row of results becomes a cell of a Markdown table."""
Column = tuple[str, Cell]
"""A heading, and the cells below it."""


@dataclass(frozen=True)
class Results:
    """One committed table of results.

    Args:
        made: how the figures were made, from the table's first line; without the command.
        command: the command that made them; empty where the first line names none.
        rows: its rows, by the names of the columns.
    """

    made: str
    command: str
    rows: list[Row]

    @property
    def source(self) -> str:
        """One sentence that says how to get the figures again."""
        return f"*{self.made}.*" + (f" *Command:* `{self.command}`." if self.command else "")

    def row(self, column: str, value: str) -> Row:
        """Return the one row with this value in a column.

        Raises:
            ValueError: there is none, or more than one.
        """
        rows = [row for row in self.rows if row[column] == value]
        if len(rows) != 1:
            raise ValueError(f"Expected one row with {column} '{value}', got {len(rows)}; run the benchmark again.")
        return rows[0]


Read = Callable[[str], Results]
"""Return the results of a name."""
Table = Callable[[Read], list[str]]
"""Return the lines of a table of the documentation."""


def read_results(path: Path) -> Results:
    """Read a table and the first line that says how it was made.

    Raises:
        ValueError: the first line does not begin with '# '.
    """
    first, *table = path.read_text(encoding="utf-8").splitlines()
    if not first.startswith("# "):
        raise ValueError(
            f"Expected a first line '# ...' in '{path}' that says how the figures were made, got {first!r}."
        )
    made, _, command = first[2:].partition("; command: ")
    return Results(made, command, list(csv.DictReader(table)))


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table."""
    return [_line(header), "|" + "---|" * len(header), *map(_line, rows)]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def rows_table(results: str, columns: Sequence[Column], only: Callable[[Row], bool] = bool) -> Table:
    """Return a table with one line for each row of results, and where they come from.

    Args:
        results: name of the results.
        columns: heading and cell of each column.
        only: which rows to show, by default all.
    """

    def table(read: Read) -> list[str]:
        lines = [[cell(row) for _, cell in columns] for row in read(results).rows if only(row)]
        return [*markdown([heading for heading, _ in columns], lines), "", read(results).source]

    return table


def texts(columns: Mapping[str, str], empty: str = "") -> list[Column]:
    """Return columns with texts as they are: heading -> column of the results."""

    def text(column: str) -> Cell:
        return lambda row: row[column] or empty

    return [(heading, text(column)) for heading, column in columns.items()]


def numbers(decimals: int, columns: Mapping[str, str]) -> list[Column]:
    """Return columns with numbers of so many decimals: heading -> column of the results."""
    return [(heading, number(column, decimals)) for heading, column in columns.items()]


def number(column: str, decimals: int) -> Cell:
    """Return a cell with a column's number; "-" where there is none."""
    return lambda row: f"{float(row[column]):.{decimals}f}" if row[column] else "-"


def interval(column: str, decimals: int, sign: str = "", bounds: tuple[str, str] | None = None) -> Cell:
    """Return a cell such as ``0.93 [0.85, 1.01]``; without brackets where there is no interval, "-" without a number.

    Args:
        column: the number.
        decimals: of all three.
        sign: "+" to show that of positive numbers as well.
        bounds: the interval's columns; by default the number's name without "_mm", and then "_low" and "_high".
    """
    base = column.removesuffix("_mm")
    low, high = bounds or (f"{base}_low", f"{base}_high")

    def cell(row: Row) -> str:
        if not row[column]:
            return "-"
        value, *ends = (f"{float(row[name]):{sign}.{decimals}f}" if row[name] else "" for name in (column, low, high))
        return f"{value} [{', '.join(ends)}]" if all(ends) else value

    return cell

"""Read the cells of tables of points, from CSV files in any dialect and from pandas."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from monai_ceph.film_names import film_name
from monai_ceph.formats.files import read_text
from monai_ceph.formats.points import AnnotationError

if TYPE_CHECKING:
    import pandas as pd

Mark = tuple[str, float, float]
"""Symbol, x and y in film pixels; NaN where the landmark is not marked."""

_SEPARATORS = ",;\t"


class Cells(NamedTuple):
    """A table's cells, by column.

    Args:
        path: the file, for messages.
        columns: header -> its cells, without surrounding white space, one for each row.
        lines: each row's line in the file.
        decimal_comma: numbers have a decimal comma, as Excel writes them where the separator is a semicolon.
    """

    path: Path
    columns: dict[str, list[str]]
    lines: list[int]
    decimal_comma: bool

    def where(self, row: int) -> str:
        """Return the file and the line of a row, for messages."""
        return f"{self.path}, line {self.lines[row]}"


def read_cells(path: Path) -> Cells:
    """Read a CSV file: separated by commas, semicolons or tabs, with or without byte order mark, any line ends.

    Args:
        path: the file, UTF-8. Empty lines are skipped; missing cells at the end of a row are empty.
    Raises:
        AnnotationError: there is no header or no row, a column occurs twice, or a row is longer than the header; the
            message names file and line.
    """
    import pandas as pd  # here, because it takes longer to import than a film to predict

    text = read_text(path)
    blank = len(text) - len(text.lstrip())
    skipped = text[:blank].count("\n")
    text = text[blank:]
    separator = max(_SEPARATORS, key=text.partition("\n")[0].count)
    try:
        table = pd.read_csv(
            io.StringIO(text),
            sep=separator,
            header=None,
            dtype=object,
            keep_default_na=False,
            skip_blank_lines=False,  # row k is line k
            skipinitialspace=True,
        )
    except pd.errors.EmptyDataError:
        raise AnnotationError(f"{path}: the table is empty; expected a header and at least one row.") from None
    except pd.errors.ParserError as error:
        longer = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        if longer is None:
            raise AnnotationError(f"{path}: this is not CSV ({str(error).strip()}).") from error
        expected, line, got = map(int, longer.groups())
        raise AnnotationError(
            f"{path}, line {skipped + line}: expected {expected} cells like the header, got {got}."
        ) from error
    table = table.map(str.strip)
    filled = (table != "").any(axis=1)
    rows = table[filled].iloc[1:]
    lines = [skipped + row + 1 for row in rows.index.tolist()]
    return _cells(path, table.loc[0].tolist(), rows, lines, decimal_comma=separator != ",")


def _cells(
    path: Path, header: list[str], rows: pd.DataFrame, lines: list[int], *, decimal_comma: bool = False
) -> Cells:
    doubled = [name for name, count in Counter(header).items() if name and count > 1]
    if doubled:
        raise AnnotationError(
            f"{path}: the header has the column '{doubled[0]}' {Counter(header)[doubled[0]]} times; remove or rename "
            "one of them."
        )
    if rows.empty:
        raise AnnotationError(f"{path}: the table has a header but no row.")
    return Cells(path, {name: rows.iloc[:, k].tolist() for k, name in enumerate(header)}, lines, decimal_comma)


def frame_cells(frame: pd.DataFrame, name: str) -> Cells:
    """Return the cells of a pandas table.

    Args:
        frame: any columns; missing values become empty cells.
        name: the table's name in messages, which count rows from 2, as if the header were line 1.
    Raises:
        AnnotationError: the table has no row, or a column occurs twice.

    >>> import pandas as pd
    >>> frame_cells(pd.DataFrame({"image": ["001"], "x_px": [12.5], "y_px": [None]}), "a table").columns
    {'image': ['001'], 'x_px': ['12.5'], 'y_px': ['']}
    """
    rows = frame.astype(object).where(frame.notna(), "").map(lambda cell: str(cell).strip())
    return _cells(Path(name), [str(column) for column in frame.columns], rows, list(range(2, len(frame) + 2)))


def film_cells(cells: Cells, column: str) -> list[str]:
    """Return the film of each row. Raises AnnotationError if a row names none."""
    names = {image: film_name(image) for image in set(cells.columns[column])}
    if "" in names:
        raise AnnotationError(f"{cells.where(cells.columns[column].index(''))}: the name of the film is empty.")
    return [names[image] for image in cells.columns[column]]


def point_cells(cells: Cells, x: str, y: str, landmarks: Sequence[str] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of a pair of columns.

    Two empty cells mean that the landmark was not marked; a single empty cell is an error.

    Args:
        cells: the table.
        x, y: the columns.
        landmarks: each row's landmark, for messages.
    Returns:
        Two arrays (rows,), float64; NaN where both cells are empty.
    Raises:
        AnnotationError: a cell is not a finite number; the message names file and line.
    """
    columns = [cells.columns[name] for name in (x, y)]
    parsed = [_numbers(column, cells.decimal_comma) for column in columns]
    for row in np.flatnonzero(~np.isfinite(parsed).all(0)).tolist():
        if not (columns[0][row] or columns[1][row]):
            continue
        odd = x if not isfinite(parsed[0][row]) else y
        landmark = f", landmark {landmarks[row]}" if landmarks else ""
        raise AnnotationError(
            f"{cells.where(row)}{landmark}: expected a number of pixels, got {cells.columns[odd][row]!r}."
        )
    return parsed[0], parsed[1]


def numbers(cells: Cells, column: str, expected: str) -> np.ndarray:
    """Return a column's numbers, (rows,), float64. Raises AnnotationError saying what was expected."""
    parsed = _numbers(cells.columns[column], cells.decimal_comma)
    for row in np.flatnonzero(~np.isfinite(parsed)).tolist():
        raise AnnotationError(f"{cells.where(row)}: expected {expected}, got {cells.columns[column][row]!r}.")
    return parsed


def _numbers(column: Sequence[str], decimal_comma: bool) -> np.ndarray:
    """Return a column's numbers, (rows,), float64; NaN for other cells."""
    try:
        if not decimal_comma:
            return np.array(column, dtype=np.str_).astype(np.float64)  # ten times as fast, where each cell is a number
    except ValueError:
        pass
    return np.array([_number(cell, decimal_comma) for cell in column], dtype=np.float64)


def _number(cell: str, decimal_comma: bool) -> float:
    try:
        return float(cell.replace(",", ".") if decimal_comma else cell)
    except ValueError:
        return np.nan

"""Write tables as CSV: commas, ``\\n`` at the end of each line, and an empty cell for an unknown number."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence


def csv_text(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as text.

    >>> from monai_ceph.formats.csv_text import csv_text
    >>> csv_text(["image", "x_px"], [["a.png", "1.5"]])
    'image,x_px\\na.png,1.5\\n'
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    table.writerows(rows)
    return text.getvalue()


def number_cell(value: float, decimals: int) -> str:
    """Return a number with fixed decimals; empty if it is not finite.

    >>> from monai_ceph.formats.csv_text import number_cell
    >>> number_cell(1.25, 3), number_cell(math.nan, 3)
    ('1.250', '')
    """
    return f"{float(value):.{decimals}f}" if math.isfinite(value) else ""

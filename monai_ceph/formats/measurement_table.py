"""Write the table of measurements, with a row for each film and measurement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from monai_ceph.analysis import MEASUREMENTS, Measurement
from monai_ceph.analysis.measure import COLUMNS
from monai_ceph.formats.csv_text import csv_text, number_cell
from monai_ceph.prediction import Prediction

MEASUREMENT_COLUMNS = ("image", *COLUMNS)
"""The table's header."""


def measurement_rows(prediction: Prediction, measurements: Sequence[Measurement] = MEASUREMENTS) -> Iterator[list[str]]:
    """Yield a row for each measurement of a film, under :data:`MEASUREMENT_COLUMNS`.

    Values, z and the interval have two decimals; an unknown value is an empty cell.
    """
    result = prediction.measurements(measurements)
    numbers = zip(result.values, result.z, result.low90, result.high90, strict=True)
    for measurement, (value, z, low, high), class_, remark in zip(
        measurements, numbers, result.classes, result.remarks, strict=True
    ):
        norm = measurement.norm
        yield [
            *(prediction.image, measurement.analysis, measurement.name, _cell(value), measurement.unit),
            "" if norm is None else f"{norm.mean:g}",
            "" if norm is None or norm.sd is None else f"{norm.sd:g}",
            *(_cell(number) for number in (z, low, high)),
            *(("", "") if class_ is None else (str(class_.label), class_.meaning)),
            remark,
        ]


def measurements_csv_text(predictions: Sequence[Prediction], measurements: Sequence[Measurement] = MEASUREMENTS) -> str:
    """Return the table as text, with a header."""
    rows = (row for prediction in predictions for row in measurement_rows(prediction, measurements))
    return csv_text(MEASUREMENT_COLUMNS, rows)


_cell = partial(number_cell, decimals=2)

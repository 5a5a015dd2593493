"""Compare measurements of predicted points with those of reference points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monai_ceph.analysis import (
    MEASUREMENTS,
    Agreement,
    Classification,
    Measurement,
    agreement,
    classification,
    measurement_values,
)
from monai_ceph.landmarks import Landmark, LandmarkScheme
from monai_ceph.metrics.reference_scores import ReferenceScores

CHALLENGE = "ISBI 2015"
"""The analysis whose classes the challenge scores."""


@dataclass(frozen=True)
class MeasurementScore:
    """Hold how well a measurement of predicted points agrees with that of reference points.

    Args:
        measurement: what was measured.
        agreement: of the values, in the measurement's unit.
        classification: of the values; no film for a measurement without classes.
    """

    measurement: Measurement
    agreement: Agreement
    classification: Classification


def measurement_scores(
    scores: ReferenceScores, measurements: Sequence[Measurement] = MEASUREMENTS
) -> list[MeasurementScore]:
    """Return the agreement of each measurement that can be made on a film.

    Args:
        scores: points and reference of some films.
        measurements: what to measure; those of which no film has both values are left out.

    >>> import numpy as np
    >>> from monai_ceph.landmarks import ISBI19
    >>> from monai_ceph.phantoms.mean_shape import MEAN_MM
    >>> points_mm = np.stack([MEAN_MM, MEAN_MM + 1.0])
    >>> scores = ReferenceScores("predictions", "anna", ISBI19.symbols, ("1", "2"), points_mm, points_mm)
    >>> first = measurement_scores(scores)[0]
    >>> first.measurement.name, first.agreement["mae"], first.classification["success_percent"]
    ('ANB', 0.0, 100.0)
    """
    scheme = LandmarkScheme("scored", tuple(Landmark(symbol, symbol) for symbol in scores.symbols))
    values, reference = (measurement_values(mm, scheme, measurements) for mm in (scores.points_mm, scores.target_mm))
    compared = []
    for k, measurement in enumerate(measurements):
        of_values = agreement(values[:, k], reference[:, k])
        if of_values["n"]:
            of_classes = classification(values[:, k], reference[:, k], measurement)
            compared.append(MeasurementScore(measurement, of_values, of_classes))
    return compared

"""Collect the remarks on a film."""

from __future__ import annotations

import numpy as np

from monai_ceph.prediction import Prediction


def film_remarks(prediction: Prediction, low_confidence: float) -> list[str]:
    """Return what people should know about a film beside its points, as sentences without its name.

    Args:
        prediction: the film's prediction.
        low_confidence: the median confidence below which there is a remark, if the bundle does not judge landmarks.

    >>> from monai_ceph.landmarks import ISBI19
    >>> prediction = Prediction("film.png", ISBI19, np.ones((19, 2)), np.full(19, 0.05), (0.1, 0.1), "user")
    >>> film_remarks(prediction, 0.2)[0][:59]
    'low confidence (median of its landmarks below 0.2): is it a'
    """
    parts = list(prediction.remarks)
    if not prediction.pose and "not a face" not in prediction.doubts:  # a bundle that judges nothing
        if np.nanmedian(prediction.confidence) < low_confidence:
            parts.append(
                f"low confidence (median of its landmarks below {low_confidence:g}): is it a lateral cephalogram, and "
                f"is the pixel size right ({_spacing(prediction)})?"
            )
        return parts
    # Of a damaged film every point is doubtful, which its remark says.
    shown = ("outside", "missing") if "file" in prediction.doubts else ("doubtful", "outside", "missing")
    for status in shown:
        if "not a face" not in prediction.doubts and (symbols := prediction.with_status(status)):
            parts.append(f"{status}: {' '.join(symbols)}")
    return ["; ".join(parts)] if parts else []


def _spacing(prediction: Prediction) -> str:
    if prediction.spacing_mm is None:
        return "unknown; --spacing gives it"
    x, y = prediction.spacing_mm
    size = f"{x:g} mm" if x == y else f"{x:g} x {y:g} mm"
    return f"{size}, from {'--spacing' if prediction.spacing_source == 'user' else f'the {prediction.spacing_source}'}"

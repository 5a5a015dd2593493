"""Numbers as JSON can hold them: it knows neither NaN nor infinity."""

from __future__ import annotations

from typing import Any

import numpy as np


def json_values(values: np.ndarray) -> list[Any]:
    """Return the entries of an array, numbers or nested lists of them; None for those that are not finite.

    >>> json_values(np.array([0.5, np.nan])), json_values(np.array([[1.0, 2.5], [3.0, np.nan]]))
    ([0.5, None], [[1.0, 2.5], None])
    """
    return [entry.tolist() if np.isfinite(entry).all() else None for entry in np.asarray(values)]

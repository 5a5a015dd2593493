"""List the mean shape of a face and the modes of its variation.

19 landmarks of 150 people, from the training annotations of the ISBI 2015 challenge (Wang et al., Med Image Anal 31,
2016): mean of both observers, 0.1 mm a pixel, each face's own centroid subtracted (size and tilt of the head are kept),
then principal components, rounded to 0.1 mm. The numbers are in ``mean_shape.json``, which contains no film and no
annotation of a single face.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

_SHAPE = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))

SYMBOLS: tuple[str, ...] = tuple(_SHAPE["symbols"])
"""Order of the landmarks in the arrays below."""

MEAN_MM = np.array(_SHAPE["mean_mm"], dtype=np.float64)
"""(19, 2), (x, y), mm from the face's centroid; x grows towards the nose, y towards the chin."""

MODES_MM = np.array(_SHAPE["modes_mm"], dtype=np.float64)
"""(8, 19, 2), mm: what one standard deviation of each mode adds to the mean; together, 91 % of the variance."""

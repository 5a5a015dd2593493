"""Read and write labelme: a JSON file per film, with a shape of type ``point`` per landmark.

A landmark is labelled ``l1``, ``l2`` ... by its place in the scheme, or by its symbol. Case matters: in ISBI 19 ``l1``
is the sella and ``L1`` the lower incisor. So a file is read in one of the two ways: by number if any label is numbered,
else by symbol. Positions are used as stored.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.film_names import without_folder
from monai_ceph.formats.files import finite, objects, stated_size
from monai_ceph.formats.points import AnnotationError, FilmPoints, SourceFilm, place_points
from monai_ceph.landmarks import LandmarkScheme

VERSION = "5.5.0"
"""Of labelme, whose layout is written."""

_NUMBERED = re.compile(r"l(\d+)")


def parse_labelme(content: dict[str, Any], path: Path, scheme: LandmarkScheme) -> FilmPoints:
    """Read the points of a labelme file.

    Args:
        content: the parsed JSON.
        path: the file it came from, for messages.
        scheme: the landmarks.
    Returns:
        The points; problems are missing and doubled landmarks, and shapes that are not a point of the scheme.
    Raises:
        AnnotationError: the JSON has another structure, a position is not a number, or no label is in the scheme.
    """
    shapes = objects(content, "shapes", path, "labelme")
    labels = [str(shape.get("label")).strip() for shape in shapes]
    numbered = any(_NUMBERED.fullmatch(label) and label not in scheme.symbols for label in labels)
    known = {f"l{k}": s for k, s in enumerate(scheme.symbols, 1)} if numbered else {s: s for s in scheme.symbols}
    marks, problems = [], []
    for label, shape in zip(labels, shapes, strict=True):
        if label not in known:
            problems.append(f"{path}: the label '{label}' is not a landmark of scheme '{scheme.name}'; it is not used.")
        elif shape.get("shape_type", "point") != "point":
            problems.append(f"{path}: the label '{label}' is a {shape['shape_type']}, not a point; it is not used.")
        else:
            marks.append((known[label], *_position(shape, f"{path}, label '{label}'")))
    if shapes and not marks:
        raise AnnotationError(
            f"{path}: none of its labels ({', '.join(sorted(set(labels)))}) is a point of scheme '{scheme.name}'; "
            f"expected l1 to l{len(scheme)} or the symbols {' '.join(scheme.symbols)}."
        )
    image = content.get("imagePath")
    name = without_folder(image) or None if isinstance(image, str) else None
    size = stated_size(content.get("imageWidth"), content.get("imageHeight"))
    return place_points(scheme, marks, SourceFilm(str(path), name, size), problems)


def to_labelme(
    image: str, size: tuple[int, int] | None, points_px: np.ndarray, scheme: LandmarkScheme
) -> dict[str, Any]:
    """Return the points of a film as labelme's JSON.

    Args:
        image: path of the film relative to the JSON file.
        size: (X, Y) of the film, pixels; None where it is unknown.
        points_px: (N, 2), (x, y), film pixels; a landmark that is NaN is left out.
        scheme: the landmarks; a point's label is its symbol.
    """
    shapes: list[dict[str, Any]] = [
        {"label": symbol, "points": [point], "group_id": None, "description": "", "shape_type": "point", "flags": {}}
        for symbol, point in zip(scheme.symbols, np.round(points_px, 3).tolist(), strict=True)
        if np.isfinite(point).all()
    ]
    return {
        "version": VERSION,
        "flags": {},
        "shapes": shapes,
        "imagePath": image,
        "imageData": None,
        "imageHeight": size and size[1],
        "imageWidth": size and size[0],
    }


def _position(shape: dict[str, Any], where: str) -> tuple[float, float]:
    positions = shape.get("points")
    try:
        ((x, y),) = positions  # type: ignore[misc]
    except (TypeError, ValueError):
        raise AnnotationError(f"{where}: expected one position [[x, y]], got {positions!r}.") from None
    return finite(x, where), finite(y, where)

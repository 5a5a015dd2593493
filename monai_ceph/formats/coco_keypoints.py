"""Read and write COCO keypoints: one JSON file for all films.

``images`` with file name, width and height; ``categories`` with the ``keypoints``' names; ``annotations`` with ``[x, y,
v]`` for each keypoint, where v is 0 for one that is not labelled. Positions are taken as they are stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.film_names import film_name
from monai_ceph.formats.files import finite, stated_size
from monai_ceph.formats.points import AnnotationError, FilmPoints, SourceFilm, place_points
from monai_ceph.landmarks import LandmarkScheme, same_landmarks


def parse_coco(content: dict[str, Any], path: Path, scheme: LandmarkScheme) -> dict[str, FilmPoints]:
    """Read the points of all films.

    A keypoint is known by its name, which is a landmark's symbol, or the number of a landmark of the scheme where all
    names are numbers, from 1 or from 0.

    Args:
        content: the parsed JSON.
        path: the file it came from, for messages.
        scheme: the landmarks.
    Returns:
        Film name -> its points; problems are missing and doubled landmarks, and keypoints that the scheme does not
        have.
    Raises:
        AnnotationError: the JSON has another structure, several annotations of one film, or no keypoint of the scheme.
    """
    try:
        images = {image["id"]: image for image in content["images"]}
        keypoints = {
            category["id"]: [str(name) for name in category["keypoints"]] for category in content["categories"]
        }
        annotations = [
            (entry["image_id"], entry["category_id"], entry["keypoints"]) for entry in content["annotations"]
        ]
        files = {image_id: str(image["file_name"]) for image_id, image in images.items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise AnnotationError(
            f"{path}: expected COCO keypoints with images, categories (with keypoints) and annotations, got something "
            f"else ({type(error).__name__}: {error})."
        ) from error
    film_points: dict[str, FilmPoints] = {}
    for image_id, category, values in annotations:
        if image_id not in images or category not in keypoints:
            raise AnnotationError(
                f"{path}: an annotation is of image {image_id!r} and category {category!r}, not both here."
            )
        file, names = files[image_id], keypoints[category]
        film, where = film_name(file), f"{path}, film '{film_name(file)}'"
        if film in film_points:
            raise AnnotationError(f"{where}: it is annotated twice; remove one of the annotations.")
        if not isinstance(values, list) or len(values) != 3 * len(names):
            raise AnnotationError(
                f"{where}: expected {3 * len(names)} numbers for {len(names)} keypoints, got {values!r}."
            )
        known = _known(names, scheme)
        problems = [
            f"{path}: the keypoint '{name}' is not a landmark of scheme '{scheme.name}'; it is not used."
            for name in names
            if name not in known
        ]
        if not known:
            raise AnnotationError(
                f"{path}: none of its keypoints ({', '.join(names)}) is a landmark of scheme '{scheme.name}'; expected "
                f"the symbols {' '.join(scheme.symbols)}."
            )
        marks = []
        for name, *numbers in zip(names, values[::3], values[1::3], values[2::3], strict=True):
            x, y, visible = (finite(number, f"{where}, keypoint '{name}'") for number in numbers)
            if name in known and visible > 0:
                marks.append((known[name], x, y))
        size = stated_size(images[image_id].get("width"), images[image_id].get("height"))
        film_points[film] = place_points(scheme, marks, SourceFilm(where, file, size), problems)
    if not film_points:
        raise AnnotationError(f"{path}: it holds no annotation.")
    return film_points


def to_coco(
    points_px: Mapping[str, np.ndarray], scheme: LandmarkScheme, sizes: Mapping[str, tuple[int, int]]
) -> dict[str, Any]:
    """Return the points of films as COCO keypoints.

    Args:
        points_px: file name of a film -> (N, 2), (x, y), film pixels; NaN is written as not labelled, (0, 0, 0).
        scheme: the landmarks; a keypoint's name is its symbol.
        sizes: file name -> (X, Y), pixels, where known.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (file, points) in enumerate(points_px.items(), 1):
        width, height = sizes.get(file, (None, None))
        images.append({"id": number, "file_name": file, "width": width, "height": height})
        placed = np.isfinite(points).all(-1)
        rows = np.where(placed[:, None], np.round(points, 3), 0.0)
        box = [*rows[placed].min(0), *np.ptp(rows[placed], axis=0)] if placed.any() else [0.0] * 4
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "keypoints": [
                    v for (x, y), p in zip(rows.tolist(), placed.tolist(), strict=True) for v in (x, y, 2 * p)
                ],
                "num_keypoints": int(placed.sum()),
                "bbox": [round(float(value), 3) for value in box],
                "area": round(float(box[2] * box[3]), 3),
                "iscrowd": 0,
            }
        )
    category = {
        "id": 1,
        "name": scheme.name,
        "supercategory": "cephalogram",
        "keypoints": list(scheme.symbols),
        "skeleton": [],
    }
    return {"images": images, "annotations": annotations, "categories": [category]}


def _known(names: list[str], scheme: LandmarkScheme) -> dict[str, str]:
    """Map each keypoint to a symbol."""
    for first in (1, 0):
        if names == [str(k) for k in range(first, first + len(scheme))]:
            return dict(zip(names, scheme.symbols, strict=True))
    return same_landmarks(names, scheme.symbols)

"""The films of one training as a file: what a bundle's config reads, and what later tells who was trained on what."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from monai_ceph.formats.files import read_text
from monai_ceph.formats.points import AnnotationError

Part = Literal["new", "base", "held_out"]
"""``new``: trained on for the first or another time; ``base``: trained on so that it is not forgotten; ``held_out``:
never trained on, to see what the training was worth."""


def film_list_text(items: Sequence[Mapping[str, Any]]) -> str:
    """Return the text of a film list.

    Args:
        items: ``{"film": name, "image": path, "points_px": (N, 2), "part": see Part}``, and ``"spacing_mm"`` where it
            is known better than by the file; a NaN point is written as null.
    """
    films = []
    for item in items:
        points = np.asarray(item["points_px"], dtype=np.float64)
        rows = [row.tolist() if np.isfinite(row).all() else None for row in points]
        films.append({**item, "image": str(item["image"]), "points_px": rows})
    return json.dumps({"films": films}, indent=1) + "\n"


def read_film_list(path: str | Path) -> list[dict[str, Any]]:
    """Read the items of a film list; points are (N, 2) float32, NaN where not annotated.

    Raises:
        AnnotationError: missing, no such file's content, or an unknown part.

    >>> items = [{"film": "001", "image": "001.png", "points_px": np.ones((19, 2)), "part": "new"}]
    >>> _ = Path("films.json").write_text(film_list_text(items))
    >>> read_film_list("films.json")[0]["part"]
    'new'
    """
    path = Path(path)
    try:
        items = [
            {**film, "points_px": np.array([row or (np.nan, np.nan) for row in film["points_px"]], dtype=np.float32)}
            for film in json.loads(read_text(path))["films"]
        ]
        parts = {item["part"] for item in items}
    except (ValueError, KeyError, TypeError) as error:
        raise AnnotationError(
            f'{path}: expected {{"films": [{{"film", "image", "points_px", "part"}}, ...]}}, '
            f"got something else ({type(error).__name__}: {error})."
        ) from error
    if not parts <= set(get_args(Part)):
        raise AnnotationError(f"{path}: a film's part is one of {', '.join(get_args(Part))}, got {sorted(parts)}.")
    return items


def film_spacings(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Map the paths of films that have a pixel spacing of their own to it, as ``FilmReader`` takes it.

    >>> film_spacings([{"image": "a.png", "spacing_mm": 0.1}, {"image": "b.png"}])
    {'a.png': 0.1}
    """
    return {item["image"]: item["spacing_mm"] for item in items if item.get("spacing_mm") is not None}

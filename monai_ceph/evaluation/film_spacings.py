"""Find the pixel spacing of each scored film, from files and from the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from monai_ceph.formats.points import Annotations
from monai_ceph.wording import count, named

Spacing = tuple[float, float]
Spacings = Mapping[str, Spacing]

SAME = 1e-3
"""Relative difference up to which two spacings are one: files have rounded numbers."""


def film_spacings(
    films: Sequence[str], sources: Sequence[tuple[str, Annotations]], user_mm: Spacing | None
) -> tuple[dict[str, Spacing], list[str]]:
    """Find each film's pixel spacing.

    A film's own spacing takes precedence over the user's, because its points in mm were computed with it.

    Args:
        films: film names.
        sources: names of files and their points; an earlier source takes precedence.
        user_mm: the user's, (along x, along y), mm, for films whose spacing is in no file; None if there is none.
    Returns:
        Film name -> (along x, along y), mm; and a remark for each source that contradicts the user or another source.
    Raises:
        ValueError: the spacing of a film is unknown.
    """
    spacings_mm: dict[str, Spacing] = {}
    remarks = []
    option = "--spacing"
    origin = dict.fromkeys(films, option)
    for name, points in sources:
        contradicted: dict[tuple[str, Spacing, Spacing], list[str]] = {}
        for film, spacing_mm in points.spacings_mm.items():
            if film not in origin:
                continue
            if user_mm is not None and same_spacing(spacing_mm, user_mm):
                spacing_mm = user_mm
            earlier_mm = spacings_mm.get(film, user_mm)
            if earlier_mm is not None and not same_spacing(spacing_mm, earlier_mm):
                contradicted.setdefault((origin[film], spacing_mm, earlier_mm), []).append(film)
            if film not in spacings_mm:
                spacings_mm[film], origin[film] = spacing_mm, name
        for (other_name, spacing_mm, earlier_mm), of_films in contradicted.items():
            used = "its own is used" if other_name == option else f"that of {other_name} is used"
            remarks.append(
                f"{name}: its mm are of pixels of {_text(spacing_mm)} mm on {count(len(of_films), 'film')} "
                f"({named(of_films)}), but {other_name} says {_text(earlier_mm)} mm; {used}."
            )
    unknown = [film for film in films if film not in spacings_mm]
    if unknown and user_mm is None:
        raise ValueError(
            f"The pixel spacing of {count(len(unknown), 'film')} ({named(unknown, 3)}) is in none of the files; give "
            "it with --spacing."
        )
    if user_mm is not None:
        spacings_mm = dict.fromkeys(films, user_mm) | spacings_mm
    return spacings_mm, remarks


def same_spacing(a: Spacing, b: Spacing) -> bool:
    """Return whether two spacings are equal up to rounding."""
    return bool(np.allclose(a, b, rtol=SAME, atol=0))


def common_spacing(spacings_mm: Spacings) -> Spacing | None:
    """Return the common spacing of all films, or None if they differ."""
    different = set(spacings_mm.values())
    return different.pop() if len(different) == 1 else None


def _text(spacing_mm: Spacing) -> str:
    x, y = spacing_mm
    return f"{x:g}" if x == y else f"{x:g} x {y:g}"

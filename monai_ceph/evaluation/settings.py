"""The settings that scores depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Hold what the results of `evaluate` and `compare` depend on beside the points.

    Args:
        protocol: "mean", "each", or the name of an observer.
        scheme: name of the landmark scheme.
        spacing_mm: (along x, along y), size of a film pixel, mm; None if each film has its own.
        excluded_films: films left out on request, by the name that was given for them.
        excluded_landmarks: landmarks left out on request.
        remarks: notes on the files that were read.
    """

    protocol: str = "mean"
    scheme: str = ""
    spacing_mm: tuple[float, float] | None = None
    excluded_films: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    excluded_landmarks: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

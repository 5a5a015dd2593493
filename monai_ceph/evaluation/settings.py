"""The settings that scores depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Hold what the results of `evaluate` and `compare` depend on besides the points.

    :class:`monai_ceph.evaluation.evaluation.Evaluation` explains the fields.
    """

    protocol: str = "mean"
    scheme: str = ""
    spacing_mm: tuple[float, float] | None = None
    excluded_films: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    excluded_landmarks: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

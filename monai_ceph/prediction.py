"""What is known about one film after inference: the one thing that every writer takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from monai_ceph.landmarks import LandmarkScheme

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("image", "landmark", "x_px", "y_px", "x_mm", "y_mm", "confidence", "spacing_source", "status")
"""The columns of a prediction's table, in memory and as a file; further columns come after these."""


@dataclass(frozen=True)
class Prediction:
    """The landmarks found on one film.

    Args:
        image: the film's file name, without its folder.
        scheme: the landmarks, in the order of the arrays below; N of them.
        points_px: (N, 2), (x, y), pixels of the film as stored; NaN where a landmark was not found.
        confidence: (N,), 0 to 1; NaN where unknown.
        spacing_mm: (along x, along y), mm; None where unknown.
        spacing_source: where the spacing comes from: "user", "file: <which tag>", "default", "unknown".
        extra: more columns, (N,) each, by name.
        status: of each landmark: "found", "doubtful", "outside" or "missing", see
            :mod:`monai_ceph.landmark_status`; None: found where there is a point, else missing.
        remarks: what is odd about the film, sentences without a full stop.
        doubts: which of the remarks are reasons to look at the film: "not a face", "scale", "landmarks".
        pose: how the face lies, see :class:`~monai_ceph.landmark_status.Judgement`; empty where unknown.
    Raises:
        ValueError: an array's shape does not fit the scheme; the message says which.
    """

    image: str
    scheme: LandmarkScheme
    points_px: np.ndarray
    confidence: np.ndarray
    spacing_mm: tuple[float, float] | None
    spacing_source: str
    extra: dict[str, np.ndarray] = field(default_factory=dict)
    status: tuple[str, ...] | None = None
    remarks: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    pose: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = len(self.scheme)
        expected = {"points_px": (count, 2), "confidence": (count,)} | {name: (count,) for name in self.extra}
        for name, shape in expected.items():
            got = np.shape(self.extra[name] if name in self.extra else getattr(self, name))
            if got != shape:
                raise ValueError(
                    f"'{self.image}': expected {name} of shape {shape} for scheme '{self.scheme.name}', got {got}."
                )

        if self.status is not None and len(self.status) != count:
            raise ValueError(
                f"'{self.image}': expected a status for each of the {count} landmarks, got {len(self.status)}."
            )

    @property
    def statuses(self) -> tuple[str, ...]:
        """The status of each landmark, also where none was given."""
        if self.status is not None:
            return self.status
        return tuple("found" if there else "missing" for there in np.isfinite(self.points_px).all(-1))

    def with_status(self, status: str) -> list[str]:
        """The symbols of the landmarks that have a status."""
        return [symbol for symbol, own in zip(self.scheme.symbols, self.statuses, strict=True) if own == status]

    @property
    def points_mm(self) -> np.ndarray:
        """(N, 2) float64, (x, y), mm from the first pixel's centre; NaN where the spacing is unknown."""
        spacing = (np.nan, np.nan) if self.spacing_mm is None else self.spacing_mm
        return np.asarray(self.points_px, dtype=np.float64) * np.asarray(spacing, dtype=np.float64)

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas table with a row for each landmark: :data:`COLUMNS`, then the extra columns.

        Numbers are as they are in the arrays, not rounded as in the landmark table's file; what is unknown is NaN.
        """
        import pandas as pd

        points_px, points_mm = np.asarray(self.points_px, dtype=np.float64), self.points_mm
        values = (self.image, list(self.scheme.symbols), *points_px.T, *points_mm.T, self.confidence)
        return pd.DataFrame(dict(zip(COLUMNS, (*values, self.spacing_source, self.statuses), strict=True)) | self.extra)

    def save_markups(self, path: str | Path) -> None:
        """Write the landmarks as 3D Slicer's markups (``.mrk.json``), whole or not at all.

        See :func:`monai_ceph.formats.markups.to_markups`.
        """
        from monai_ceph.formats.markups import write_markups

        write_markups(path, self)


def annotated(image: str, scheme: LandmarkScheme, points_px: np.ndarray) -> Prediction:
    """The points that a person marked on a film, (N, 2), in the form that writers take: of no confidence, in pixels."""
    return Prediction(image, scheme, points_px, np.full(len(scheme), np.nan), None, "unknown")


def to_prediction(item: Mapping[str, Any], scheme: LandmarkScheme, image_key: str = "image") -> Prediction:
    """One decollated item of an engine's output, or of a bundle's postprocessing, as a :class:`Prediction`.

    Args:
        item: has ``pred_px`` (N, 2), film pixels, ``confidence`` (N,), and the inferred image with its metadata; and
            what :class:`~monai_ceph.transforms.LandmarkStatusd` adds, if it was used.
        scheme: the landmarks.
    """
    meta = item[image_key].meta
    spacing = np.asarray(meta["spacing_mm"], dtype=np.float64).ravel().tolist()
    known = bool(np.isfinite(spacing).all())
    return Prediction(
        image=Path(str(meta["filename_or_obj"])).name,
        scheme=scheme,
        points_px=np.asarray(item["pred_px"], dtype=np.float64),
        confidence=np.asarray(item["confidence"], dtype=np.float64),
        spacing_mm=(spacing[0], spacing[1]) if known else None,
        spacing_source=str(meta["spacing_source"]),
        status=item.get("status"),
        remarks=tuple(item.get("remarks", ())),
        doubts=tuple(item.get("doubts", ())),
        pose=item.get("pose", {}),
    )

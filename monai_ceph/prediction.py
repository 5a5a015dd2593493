"""Hold the landmarks predicted on one film."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from monai_ceph.analysis import MEASUREMENTS, Measurement, Measurements, measure
from monai_ceph.landmarks import LandmarkScheme

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    *("image", "landmark", "x_px", "y_px", "x_mm", "y_mm", "confidence", "spacing_source", "status"),
    *("expected_error_mm", "radius90_mm", "site"),
)
"""The columns of a prediction's table, in memory and as a file; extra columns follow."""


@dataclass(frozen=True)
class Prediction:
    """The landmarks predicted on one film.

    Args:
        image: the film's file name, without its folder.
        scheme: the landmarks, in the order of the arrays below; N of them.
        points_px: (N, 2), (x, y), pixels of the film as stored; NaN where a landmark was not found.
        confidence: (N,), 0 to 1; NaN where unknown.
        spacing_mm: (along x, along y), mm; None where unknown.
        spacing_source: where the spacing comes from: "user", "file: <which tag>", "ruler", "default", "unknown".
        extra: extra columns by name, (N,) each.
        status: "found", "doubtful", "outside" or "missing" for each landmark, see :mod:`monai_ceph.landmark_status`;
            None counts landmarks with a point as found and the others as missing.
        remarks: what is unusual about the film, sentences without a full stop.
        doubts: which of the remarks are reasons to check the film: "not a face", "scale", "landmarks",
            "file".
        pose: how the face lies, see :class:`~monai_ceph.landmark_status.Judgement`; empty where unknown.
        expected_error_mm: (N,), the mean distance to expect between each point and its landmark; NaN where there is no
            point. This and the next two are None if the bundle has no table for its weights, if the spacing is unknown
            or if no face was seen; see :class:`monai_ceph.analysis.uncertainty.Uncertainty`.
        radius90_mm: (N,), the radius of the circle around each point that holds the landmark with 90 %.
        covariance_mm2: (N, 2, 2), of each point, axes of the film.
        site: the site file that moved the points, see :mod:`monai_ceph.site.calibration`; empty for none.
    Raises:
        ValueError: an array's shape does not match the scheme; the message names it.
    Example:
        >>> import numpy as np
        >>> from monai_ceph import Prediction
        >>> from monai_ceph.landmarks import Landmark, LandmarkScheme
        >>> scheme = LandmarkScheme("two", (Landmark("S", "sella"), Landmark("N", "nasion")))
        >>> points_px = np.array([[100.0, 200.0], [300.0, 150.0]])
        >>> prediction = Prediction("film.png", scheme, points_px, np.array([0.9, 0.8]), (0.1, 0.1), "user")
        >>> prediction.points_mm.tolist()
        [[10.0, 20.0], [30.0, 15.0]]
        >>> prediction.to_frame()[["landmark", "x_px", "y_px", "confidence"]]
          landmark   x_px   y_px  confidence
        0        S  100.0  200.0         0.9
        1        N  300.0  150.0         0.8
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
    expected_error_mm: np.ndarray | None = None
    radius90_mm: np.ndarray | None = None
    covariance_mm2: np.ndarray | None = None
    site: str = ""

    def __post_init__(self) -> None:
        count = len(self.scheme)
        shapes = {"points_px": (count, 2), "covariance_mm2": (count, 2, 2)}
        names = ("points_px", "confidence", "expected_error_mm", "radius90_mm", "covariance_mm2")
        # A bundle without a table of uncertainty gives no errors and no regions.
        absent = {name for name in names[2:] if getattr(self, name) is None}
        for name, values in ({name: getattr(self, name) for name in names} | self.extra).items():
            shape = shapes.get(name, (count,))
            if name not in absent and np.shape(values) != shape:
                raise ValueError(
                    f"'{self.image}': expected {name} of shape {shape} for scheme '{self.scheme.name}', "
                    f"got {np.shape(values)}."
                )
        if self.status is not None and len(self.status) != count:
            raise ValueError(
                f"'{self.image}': expected a status for each of the {count} landmarks, got {len(self.status)}."
            )

    @property
    def statuses(self) -> tuple[str, ...]:
        """The status of each landmark, derived from the points if none was given."""
        if self.status is not None:
            return self.status
        return tuple("found" if present else "missing" for present in np.isfinite(self.points_px).all(-1))

    def with_status(self, status: str) -> list[str]:
        """Return the symbols of the landmarks that have a status."""
        statuses = zip(self.scheme.symbols, self.statuses, strict=True)
        return [symbol for symbol, of_landmark in statuses if of_landmark == status]

    def doubted(self, film_remarks: Sequence[str]) -> Prediction:
        """Return this prediction with every found landmark doubtful if the film's decoder complained.

        A decoder fills in damaged parts, so a point can be far off with a high confidence, and its error is unknown.

        Args:
            film_remarks: the complaints, see :class:`monai_ceph.data.film.FilmInfo`; without any, nothing changes.
        """
        if not film_remarks:
            return self
        remark = f"the file may be damaged and its points doubtful ({'; '.join(film_remarks)})"
        return replace(
            self,
            status=tuple("doubtful" if status == "found" else status for status in self.statuses),
            expected_error_mm=None,
            radius90_mm=None,
            covariance_mm2=None,
            remarks=(*self.remarks, remark),
            doubts=(*self.doubts, "file"),
        )

    @property
    def points_mm(self) -> np.ndarray:
        """Points in mm from the centre of the first pixel: (N, 2) float64, (x, y); NaN where the spacing is unknown."""
        spacing = (np.nan, np.nan) if self.spacing_mm is None else self.spacing_mm
        return np.asarray(self.points_px, dtype=np.float64) * np.asarray(spacing, dtype=np.float64)

    @property
    def errors_mm(self) -> np.ndarray:
        """Expected errors and radii of 90 %: (2, N), mm; NaN where unknown."""
        unknown = np.full(len(self.scheme), np.nan)
        known = (self.expected_error_mm, self.radius90_mm)
        return np.stack([unknown if values is None else np.asarray(values, dtype=np.float64) for values in known])

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas table with a row for each landmark: :data:`COLUMNS`, then the extra columns.

        Numbers are not rounded as they are in the landmark table's file; unknown values are NaN.
        """
        import pandas as pd

        points_px, points_mm = np.asarray(self.points_px, dtype=np.float64), self.points_mm
        values = (self.image, list(self.scheme.symbols), *points_px.T, *points_mm.T, self.confidence)
        values = (*values, self.spacing_source, self.statuses, *self.errors_mm, self.site)
        return pd.DataFrame(dict(zip(COLUMNS, values, strict=True)) | self.extra)

    def measurements(self, measurements: Sequence[Measurement] = MEASUREMENTS) -> Measurements:
        """Measure the face, see :func:`monai_ceph.analysis.measure`; remarks name landmarks that were not found.

        Args:
            measurements: what to measure.
        Example:
            >>> from monai_ceph.landmarks import ISBI19
            >>> from monai_ceph.phantoms.mean_shape import MEAN_MM
            >>> from monai_ceph.prediction import annotated
            >>> face = annotated("film.png", ISBI19, MEAN_MM).measurements()
            >>> face.to_frame().loc[0, ["measurement", "unit", "meaning"]].tolist()
            ['ANB', 'deg', 'class III']
        """
        result = measure(self.points_px, self.spacing_mm, self.scheme, measurements, self.covariance_mm2)
        status = dict(zip(self.scheme.symbols, self.statuses, strict=True))
        remarks = []
        for measurement, remark in zip(measurements, result.remarks, strict=True):
            doubted = [symbol for symbol in measurement.symbols if status.get(symbol, "found") != "found"]
            remarks.append(remark or ", ".join(f"{symbol} {status[symbol]}" for symbol in doubted))
        return replace(result, remarks=tuple(remarks))

    def save_markups(self, path: str | Path) -> None:
        """Write the landmarks as 3D Slicer markups (``.mrk.json``), atomically.

        See :func:`monai_ceph.formats.markups.to_markups`.
        """
        from monai_ceph.formats.markups import write_markups

        write_markups(path, self)


def annotated(image: str, scheme: LandmarkScheme, points_px: np.ndarray) -> Prediction:
    """Return points that a person annotated on a film, in the form that writers take.

    Args:
        image: the film's file name, without its folder.
        scheme: the landmarks; N of them.
        points_px: (N, 2), (x, y), pixels of the film as stored; NaN where not annotated.
    Returns:
        A prediction of unknown spacing, without confidence.
    Example:
        >>> import numpy as np
        >>> from monai_ceph.landmarks import ISBI19
        >>> from monai_ceph.prediction import annotated
        >>> annotated("film.png", ISBI19, np.zeros((19, 2))).spacing_mm is None
        True
    """
    return Prediction(image, scheme, points_px, np.full(len(scheme), np.nan), None, "unknown")


def to_prediction(item: Mapping[str, Any], scheme: LandmarkScheme, image_key: str = "image") -> Prediction:
    """Convert a decollated item of an engine's output, or of a bundle's postprocessing, to a :class:`Prediction`.

    Args:
        item: holds ``pred_px`` (N, 2), film pixels, ``confidence`` (N,), the inferred image with its metadata, and what
            :class:`~monai_ceph.transforms.LandmarkStatusd` and
            :class:`~monai_ceph.transforms.LandmarkUncertaintyd` added if they were used. If the metadata hold
            ``film_remarks``, the landmarks are :meth:`~Prediction.doubted`.
        scheme: the landmarks.
        image_key: key of that image.
    Example:
        >>> import torch
        >>> from monai.data import MetaTensor
        >>> from monai_ceph.landmarks import ISBI19
        >>> from monai_ceph.prediction import to_prediction
        >>> meta = {"spacing_mm": torch.tensor([0.1, 0.1]), "spacing_source": "user", "filename_or_obj": "a/film.png"}
        >>> image = MetaTensor(torch.zeros(1, 8, 8), meta=meta)
        >>> to_prediction({"image": image, "pred_px": torch.zeros(19, 2), "confidence": torch.ones(19)}, ISBI19).image
        'film.png'
    """
    meta = item[image_key].meta
    spacing = np.asarray(meta["spacing_mm"], dtype=np.float64).ravel().tolist()
    figures = ("status", "pose", "expected_error_mm", "radius90_mm", "covariance_mm2")
    prediction = Prediction(
        image=Path(str(meta["filename_or_obj"])).name,
        scheme=scheme,
        points_px=np.asarray(item["pred_px"], dtype=np.float64),
        confidence=np.asarray(item["confidence"], dtype=np.float64),
        spacing_mm=(spacing[0], spacing[1]) if np.isfinite(spacing).all() else None,
        spacing_source=str(meta["spacing_source"]),
        remarks=tuple(item.get("remarks", ())),
        doubts=tuple(item.get("doubts", ())),
        **{name: item[name] for name in figures if name in item},
    )
    return prediction.doubted(str(meta.get("film_remarks", "")).splitlines())

"""Find what is implausible about a well-formed label: points that cannot be a face, or lie far from the proposal.

Such a label may be right, so the annotator decides. Far more often, two landmarks were swapped, or the points belong to
another film or frame.
"""

from __future__ import annotations

import numpy as np

from monai_ceph.data.label_check import LabelError
from monai_ceph.face_shape import FaceFit, FaceShape, expected_places, fit_either_side
from monai_ceph.prediction import Prediction

FEW = 5
"""Fewer landmarks than this say nothing about a face."""
FACE_AGREEMENT = 0.4
"""0.58 is the least of 340 annotations by four observers of two clinics; scattered points have up to 0.27."""
OFF_SHAPE = 6.0
"""Standard deviations from where the other landmarks place one: 4.0 is the most of those annotations. Swapped, the
landmarks of the jaw or of the skull are off by 10 and more."""
FACE_SIZE = (0.5, 2.0)
"""Size of a face relative to the mean one, with the film's pixel size."""
FAR_MM, ONE_FAR_MM = 10.0, 30.0
"""From the proposal, on a face of the mean size: the median of all landmarks, and a single one."""
_ANNOTATORS_MM = 1.5


class ImplausibleLabelError(LabelError):
    """A label is implausible; it is taken only if the annotator insists."""


def check_plausible(
    points_px: np.ndarray,
    shape: FaceShape | None,
    spacing_mm: tuple[float, float] | None = None,
    proposal: Prediction | None = None,
    where: str = "The label",
) -> None:
    """Refuse a label that is implausible.

    Args:
        points_px: (N, 2), (x, y), film pixels; NaN where a landmark cannot be seen.
        shape: of a face, of the N landmarks; None where it is unknown, and then nothing is checked.
        spacing_mm: size of a film pixel (along x, along y); None where it is unknown.
        proposal: the model's, of this film; one that shows no face is not compared with.
        where: what to call the label in messages.
    Raises:
        ImplausibleLabelError: the points are not a face; a landmark lies where the others leave no room for it; the
            face has an impossible size, or looks or lies elsewhere than the proposal. The message says which.

    >>> shape = FaceShape(("S", "N", "Me"), np.array([[-20.0, -30.0], [20.0, -30.0], [0.0, 60.0]]), 4 * np.eye(6))
    >>> check_plausible(np.full((3, 2), 7.0), shape)  # too few points to say
    """
    problems = _problems(np.asarray(points_px, dtype=np.float64), shape, spacing_mm, proposal)
    if problems:
        raise ImplausibleLabelError(
            f"{where}: {'; '.join(problems)}. Check that it is this film's label and in its frame; if it is right, "
            "send it again with force=true."
        )


def looks_mirrored(points_px: np.ndarray, shape: FaceShape | None) -> bool:
    """Return whether points (N, 2) are a face that looks to the left."""
    fit = None if shape is None else _fit(points_px, shape)
    return fit is not None and fit.mirrored


def _problems(
    points_px: np.ndarray, shape: FaceShape | None, spacing_mm: tuple[float, float] | None, proposal: Prediction | None
) -> list[str]:
    placed = np.isfinite(points_px).all(-1)
    if shape is None or placed.sum() < FEW:
        return []
    # The shape model needs square pixels: where the film's are not square, y is stretched to the scale of x.
    stretch = np.array([1.0, 1.0 if spacing_mm is None else spacing_mm[1] / spacing_mm[0]])
    fit = _fit(points_px * stretch, shape)
    if fit is None:
        return ["its points do not lie as the landmarks of a face do"]
    _, off = expected_places(points_px * stretch, np.full(len(placed), _ANNOTATORS_MM), fit, shape)
    problems = []
    if away := [symbol for symbol, distance in zip(shape.symbols, off, strict=True) if distance > OFF_SHAPE]:
        problems.append(f"{_lie(away)} where the other landmarks leave no room (two may be swapped)")
    if spacing_mm is not None and not FACE_SIZE[0] <= (size := spacing_mm[0] / fit.working_mm) <= FACE_SIZE[1]:
        problems.append(
            f"with pixels of {spacing_mm[0]:g} mm the face is {size:.2g} times the usual size (its positions may be in "
            "another frame, or the pixel size may be wrong)"
        )
    if proposal is None or not proposal.pose or "not a face" in proposal.doubts:
        return problems
    if fit.mirrored != bool(proposal.pose["mirrored"]):
        return [*problems, f"it looks to the {'left' if fit.mirrored else 'right'}, but the film to the other side"]
    moved_mm = np.linalg.norm((points_px - proposal.points_px) * stretch, axis=-1) * proposal.pose["working_mm"]
    if np.isfinite(moved_mm).any() and (median := float(np.nanmedian(moved_mm))) > FAR_MM:
        return [*problems, f"it lies {median:.0f} mm from the model's proposal"]
    judged = zip(shape.symbols, moved_mm, proposal.statuses, strict=True)
    if far := [symbol for symbol, mm, status in judged if status == "found" and mm > ONE_FAR_MM]:
        problems.append(f"{_lie(far)} more than {ONE_FAR_MM:g} mm from the model's proposal")
    return problems


def _fit(points_px: np.ndarray, shape: FaceShape) -> FaceFit | None:
    """Return the mean face fitted to points, facing right or left; None if they are not a face."""
    present = np.isfinite(points_px).all(-1)
    fit, agreed = fit_either_side(points_px, present.astype(np.float64), shape)
    return fit if agreed * len(present) / max(present.sum(), 1) >= FACE_AGREEMENT else None


def _lie(symbols: list[str]) -> str:
    return f"{' '.join(symbols)} {'lies' if len(symbols) == 1 else 'lie'}"

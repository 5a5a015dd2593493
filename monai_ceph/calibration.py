"""Calibrate a model for a clinic with a few films that it annotated."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

import numpy as np

from monai_ceph.data.datalist import datalist
from monai_ceph.metrics.site_offset import student_margin
from monai_ceph.predictor.load import load_predictor
from monai_ceph.site.estimate import SiteEstimate, estimate_site


def calibrate(
    films: str | Path,
    annotations: str | Path | Sequence[str | Path],
    *,
    spacing_mm: float | None = None,
    bundle: str | Path | None = None,
    device: str = "auto",
    weights: str | Path | None = None,
    trust: bool = False,
) -> SiteEstimate:
    """Estimate how a clinic's annotations differ from the predictions of a bundle.

    Args:
        films: folder of the films.
        annotations: the clinic's annotations in any supported format; the mean is used if there are several observers.
        spacing_mm: size of a film pixel, mm; takes precedence over the one in the films' files.
        bundle: its folder; None is the shipped bundle.
        device: ``"auto"``, ``"cpu"``, ``"cuda:0"``.
        weights: a file with the weights of the whole network; None is the bundle's ``models/model.pt``.
        trust: run a bundle whose config can run code that no shipped bundle has.
    Returns:
        The calibration, its gain on held-out films, and remarks. Write it with ``estimate.site.write("site.json")``,
        and use it with ``load_predictor(site="site.json")``.
    Raises:
        SiteError: too few films, or annotations that cannot be of these films; the message names the film.
        FilmError, AnnotationError: a film or an annotation cannot be read, or contradicts its film.
        WeightsError, FileNotFoundError, UntrustedBundleError: as :func:`monai_ceph.load_predictor`.

    >>> from monai_ceph.phantoms import write_phantoms
    >>> _ = write_phantoms("films", count=3, spacing_mm=0.4, size=(484, 600))
    >>> estimate = calibrate("films", "films/points.csv", spacing_mm=0.4, device="cpu")
    >>> estimate.films
    ('phantom_000.png', 'phantom_001.png', 'phantom_002.png')
    """
    predictor = load_predictor(bundle, spacing_mm, device, weights, trust=trust)
    references = [annotations] if isinstance(annotations, (str, Path)) else annotations
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        items = datalist(films, references, predictor.scheme, spacing_mm=spacing_mm)
    remarks = [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)]
    predictions = [predictor(item["image"]) for item in items]
    annotated_px = [np.asarray(item["points_px"], dtype=np.float64) for item in items]
    today = datetime.now(timezone.utc).date().isoformat()
    estimate = estimate_site(predictions, annotated_px, predictor.weights_sha256, today)
    return replace(estimate, remarks=(*remarks, *estimate.remarks))


class Gain(NamedTuple):
    """How the mean radial error changes on films that the offsets were not estimated from.

    Args:
        before_mm, after_mm: mean radial error.
        low_mm, high_mm: 95 % interval of ``after_mm - before_mm``.
    """

    before_mm: float
    after_mm: float
    low_mm: float
    high_mm: float


def gain(estimate: SiteEstimate) -> Gain:
    """Return how much calibration improves films that it was not estimated from, with Student's interval over films.

    The estimates for two films share all other films, so their changes are not independent. The variance of the mean
    is therefore ``(1 / F + 1 / (F - 1)) s^2`` in place of ``s^2 / F``.

    Args:
        estimate: of F films.
    Raises:
        ImportError: SciPy is missing; the message names the extra to install.
    Source:
        Nadeau and Bengio, Machine Learning 52 (2003) 239-281, https://doi.org/10.1023/A:1024068626366.

    >>> from monai_ceph.site.calibration import SiteCalibration
    >>> zeros = np.zeros((1, 2))
    >>> site = SiteCalibration(("S",), "12ab", zeros, zeros + 1, zeros, np.ones(1), np.full(1, 3), "2026-01-31")
    >>> offsets_mm = np.array([[[1.0, 0.0]], [[2.0, 0.0]], [[3.0, 0.0]]])
    >>> gain(SiteEstimate(site, ("a", "b", "c"), offsets_mm, offsets_mm / 2)).after_mm
    1.0
    """
    before, after = estimate.errors_mm
    films = len(estimate.films)
    change = np.nanmean(after - before, axis=1)
    reach = float(student_margin(float(change.std(ddof=1)), films)) * math.sqrt(1 + films / (films - 1))
    mean = float(np.nanmean(after) - np.nanmean(before))
    return Gain(float(np.nanmean(before)), float(np.nanmean(after)), mean - reach, mean + reach)

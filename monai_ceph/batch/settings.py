"""The settings that a film's results depend on, so that results of other settings are kept apart."""

from __future__ import annotations

from pathlib import Path

from monai_ceph import __version__
from monai_ceph.landmarks import get_scheme
from monai_ceph.predictor.bundle import bundle_config, digest, weights_file
from monai_ceph.site.calibration import SiteCalibration


def result_settings(
    bundle: Path | None,
    spacing_mm: float | None,
    backend: str = "torch",
    scheme: str | None = None,
    site: SiteCalibration | None = None,
) -> dict[str, str]:
    """Return the settings that a film's results depend on, by name.

    The device is not one of them: a run may continue on another device, in its precision.

    Args:
        bundle: its folder, or an exported model; None is the shipped bundle.
        spacing_mm: size of a film pixel, if the user gave it.
        backend: what runs the networks.
        scheme: name or file of the landmark scheme, if it is not the bundle's.
        site: the calibration that moves the points.
    Raises:
        FileNotFoundError: there is no bundle.

    >>> result_settings(None, 0.1)["spacing"]
    '0.1 mm'
    """
    weights = weights_file(bundle)
    if weights == bundle:  # an exported model is both
        configs = [weights]
    else:
        config = bundle_config(bundle)
        # Files that it refers to: the face shape, the status rule, the uncertainty.
        beside = ("face_shape.json", "landmark_status.json", "uncertainty.json")
        configs = [config, *map(config.with_name, beside)]
    return {
        "version": __version__,
        "bundle": digest(*configs),
        "weights": digest(weights),
        "backend": backend,
        "spacing": "the file's" if spacing_mm is None else f"{spacing_mm:g} mm",
        **({} if scheme is None else {"scheme": " ".join(get_scheme(scheme).symbols)}),
        "site": "none" if site is None else site.label,
    }

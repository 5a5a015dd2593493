"""Load a bundle as a predictor, with either backend."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from monai_ceph.data.film_workers import kept_workers
from monai_ceph.predictor.predictor import Predictor
from monai_ceph.predictor.threads import worker_count
from monai_ceph.site.calibration import SiteCalibration

Backend = Literal["torch", "onnx"]


def load_predictor(
    bundle: str | Path | None = None,
    spacing_mm: float | None = None,
    device: str = "auto",
    weights: str | Path | None = None,
    backend: Backend = "torch",
    trust: bool = False,
    site: str | Path | SiteCalibration | None = None,
) -> Predictor:
    """Load a bundle.

    Args:
        bundle: its folder, or with the backend ``"onnx"`` an exported ``.onnx`` file; None is the shipped bundle.
        spacing_mm: size of a film pixel, mm; takes precedence over the one in the films' files.
        device: ``"auto"``, ``"cpu"``, ``"cuda:0"``.
        weights: a file with the weights of the whole network; None is the bundle's ``models/model.pt``.
        backend: what runs the networks; ``"onnx"`` takes the bundle's ``models/model.onnx``.
        trust: run a bundle whose config can run code that no shipped bundle has. An exported model has no such code.
        site: a site file from ``monai-ceph calibrate``, or its content, to move points to where a clinic marks them.
    Raises:
        FileNotFoundError: there is no such bundle, or no exported model in it.
        UntrustedBundleError: the bundle's config can run code of its own, and ``trust`` is false.
        WeightsError: its weights are missing, broken or of another network or scheme.
        ValueError: an unknown backend or device, or weights for the backend ``"onnx"``, whose model has its own.
        SiteError: the site file cannot be used, or belongs to other weights or landmarks.
        ImportError: onnxruntime is missing.

    >>> from monai_ceph.phantoms import write_phantoms
    >>> films = write_phantoms("films", count=2, spacing_mm=0.4, size=(484, 600))
    >>> predictor = load_predictor(spacing_mm=0.4, device="cpu")
    >>> predictor(films[0]).points_px.shape
    (19, 2)
    >>> [prediction.image for prediction in predictor(films)]
    ['phantom_000.png', 'phantom_001.png']
    """
    if site is not None:
        calibration = site if isinstance(site, SiteCalibration) else SiteCalibration.read(site)
        return load_predictor(bundle, spacing_mm, device, weights, backend, trust).at_site(calibration)
    kept_workers(worker_count()).start()  # so that the first film need not wait for it
    bundle = None if bundle is None else Path(bundle)
    if backend == "torch":
        from monai_ceph.predictor.torch_predictor import load_torch_predictor

        return load_torch_predictor(bundle, spacing_mm, device, None if weights is None else Path(weights), trust=trust)
    if backend != "onnx":
        raise ValueError(f"Expected the backend 'torch' or 'onnx', got {backend!r}.")
    if weights is not None:
        raise ValueError(f"An exported model has its own weights; leave out weights, got {str(weights)!r}.")
    from monai_ceph.predictor.onnx_predictor import load_onnx_predictor

    return load_onnx_predictor(bundle, spacing_mm, device)

"""Write a bundle as one file, and check that the file gives the bundle's points."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from monai_ceph import __version__
from monai_ceph.atomic import atomic_path, make_folder, write_text
from monai_ceph.data.film import read_film
from monai_ceph.export import film_input
from monai_ceph.export.formats import FORMATS, OPSET
from monai_ceph.export.whole_film import WholeFilm, any_film_inferer, whole_film
from monai_ceph.phantoms import write_phantoms
from monai_ceph.predictor.bundle import default_bundle
from monai_ceph.predictor.onnx_predictor import JUDGES, bundle_sha256
from monai_ceph.predictor.onnx_session import open_session, run_film
from monai_ceph.predictor.torch_predictor import TorchPredictor, load_torch_predictor

CHECK_MM = 0.25
LARGEST_PX = 0.05
LARGEST_CONFIDENCE = 1e-3

Run = Callable[[np.ndarray, tuple[float, float]], tuple[np.ndarray, ...]]
"""A film (X, Y) and its spacing -> the outputs of :class:`WholeFilm`."""


def export_bundle(output: Path, *, format: str = "onnx", bundle: Path | None = None, trust: bool = False) -> None:
    """Write a bundle's whole system, from a film's pixels to its points, as one file.

    The file keeps a temporary name until it has given the bundle's points on a drawn film. Beside it is written
    ``film_input.py``, which turns a picture into its input (:mod:`monai_ceph.export.film_input`).

    Args:
        output: the file; its folder is created if needed.
        format: ``"onnx"`` or ``"torchscript"``.
        bundle: the bundle's folder; None is the shipped one.
        trust: export a bundle whose config can run code that no shipped bundle has.
    Raises:
        UntrustedBundleError: the bundle's config can run code of its own, and ``trust`` is false.
        ValueError: the bundle cannot be exported, or the file gives other points.
        OSError: there is no bundle, or the file cannot be written.
        ImportError: the packages of the extra ``onnx`` are missing.
    """
    bundle = default_bundle() if bundle is None else bundle
    make_folder(output.parent)
    predictor = load_torch_predictor(bundle, CHECK_MM, "cpu", trust=trust)
    module = whole_film(predictor.network, predictor.preprocessing, predictor.inferer)
    with atomic_path(output) as temporary:
        FORMATS[format](module, temporary, _metadata(bundle, predictor, module))
        _check(predictor, _runner(temporary, format))
    write_text(output.with_name("film_input.py"), Path(film_input.__file__).read_text(encoding="utf-8"))


def _metadata(bundle: Path, predictor: TorchPredictor, module: WholeFilm) -> dict[str, str]:
    configs = bundle / "configs"
    content = json.loads((configs / "metadata.json").read_text(encoding="utf-8"))
    return {
        "name": content["name"],
        "description": "A film's pixels in, its landmarks out. Inputs: film (1, 1, X, Y) float32, gray values, bone "
        "bright, first axis from left to right, second from top to bottom; spacing_mm (2,) float64, size of a pixel "
        "along x and y, NaN where unknown. Outputs: points_px (N, 2) float32, (x, y) in pixels of the film, pixel "
        "centres at integers; confidence (N,) float32, 0 to 1; coarse_px and coarse_confidence, the same of the "
        "global stage; spread_px2 (N, 3) float32, means of dx dx, dx dy and dy dy of each heatmap around its point. "
        "The input start_px (N, 2) float64 may be left out: where the local stage looks, by default at coarse_px. The "
        "film is taken upright, facing right and at the size of a pixel that is given: no scale or direction is "
        "searched, and no landmark is judged.",
        "intended_use": content["intended_use"],
        "bundle_version": content["version"],
        "monai_ceph_version": __version__,
        "opset": str(OPSET),
        "scheme": json.dumps(asdict(predictor.scheme)),
        "working_spacing_mm": repr(module.working_mm.item()),
        "global_spacing_mm": repr((module.working_mm / module.global_scale).item()),
        "assumed_spacing_mm": repr(module.assumed_mm[0].item()),
        "patch_size": str(module.patch_size),
        "low_confidence": repr(predictor.low_confidence),
        "bundle_sha256": bundle_sha256(bundle),
        "weights_sha256": predictor.weights_sha256,
        # What monai_ceph judges landmarks by; see monai_ceph.landmark_status.
        **{name: path.read_text(encoding="utf-8") for name in JUDGES if (path := configs / f"{name}.json").is_file()},
    }


def _runner(path: Path, format: str) -> Run:
    if format == "onnx":
        session = open_session(path)
        return lambda film, spacing_mm: run_film(session, film, spacing_mm)
    script = torch.jit.load(str(path))

    def run(film: np.ndarray, spacing_mm: tuple[float, float]) -> tuple[np.ndarray, ...]:
        with torch.inference_mode():
            outputs = script(torch.from_numpy(film)[None, None], torch.tensor(spacing_mm, dtype=torch.float64))
        return tuple(output.numpy() for output in outputs)

    return run


def _check(predictor: TorchPredictor, run: Run) -> None:
    """Raise ValueError if an exported file and its bundle disagree on a drawn film."""
    exact = replace(predictor, inferer=any_film_inferer(predictor.inferer).without_search())
    with tempfile.TemporaryDirectory() as folder:
        [film] = write_phantoms(folder, 1, size=(774, 960), spacing_mm=CHECK_MM)
        expected, pixels = exact.predict(exact.load(film)), read_film(film)[0]
    points_px, confidence, *_ = run(pixels, (CHECK_MM, CHECK_MM))
    distance = np.abs(points_px - expected.points_px).max(1)
    apart = np.abs(confidence - expected.confidence).max()
    # One landmark in ten is allowed to be further off: rounding can bring a pixel over the decoder's threshold.
    if apart > LARGEST_CONFIDENCE or np.mean(distance > LARGEST_PX) > 0.1:
        raise ValueError(
            f"The exported file gives other landmarks than the bundle: up to {distance.max():.2g} px away, confidence "
            f"{apart:.2g} off, on a drawn film. Nothing was written; is a part of the bundle unusual?"
        )

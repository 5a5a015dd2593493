"""Predict with an exported model and onnxruntime. Neither torch nor MONAI is imported for it."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.data.film_workers import read_film_apart
from monai_ceph.landmarks import Landmark, LandmarkScheme
from monai_ceph.prediction import Prediction
from monai_ceph.predictor.bundle import bundle_config, default_bundle
from monai_ceph.predictor.predictor import Predictor, check_finite_result
from monai_ceph.spacing import check_extent, check_film_size

logger = logging.getLogger(__name__)

EXTRA = "Install the packages of the extra 'onnx': pip install 'monai-ceph[onnx]'."
"""What to do where they are missing."""
MODEL = Path("models") / "model.onnx"
"""Where a bundle keeps its exported model."""


@dataclass(eq=False)
class OnnxPredictor(Predictor):
    """Find the landmarks on films with onnxruntime.

    Args:
        session: an onnxruntime session of an exported model.
        scheme: the landmarks.
        working_mm, assumed_mm, patch_size: of the local stage, to refuse films that it cannot take.
        low_confidence: as in ``Predictor``.
        spacing_mm: the films' pixel size; wins over the one in the files.
        weights_sha256: of the weights that were exported; empty for a model that does not say.
    """

    session: Any
    scheme: LandmarkScheme
    working_mm: float
    assumed_mm: tuple[float, float]
    patch_size: int
    low_confidence: float = 0.0
    spacing_mm: float | None = None
    weights_sha256: str = ""

    @property
    def shares_cores(self) -> bool:
        return True

    def load(self, film: Path) -> dict[str, Any]:
        pixels, info = read_film_apart(film, self.spacing_mm)
        if info.spacing_mm is None:
            logger.warning("%s: pixel spacing unknown, scaled as if it were %g mm.", film, self.assumed_mm[0])
        spacing = info.spacing_mm or self.assumed_mm
        scaled = [int(n * mm / self.working_mm) for n, mm in zip(pixels.shape, spacing, strict=True)]
        check_extent(pixels.shape, spacing, self.working_mm, str(film))
        check_film_size(scaled, self.patch_size)
        return {"image": pixels, "info": info, "name": film.name}

    def predict(self, item: dict[str, Any]) -> Prediction:
        info = item["info"]
        points_px, confidence = run_film(self.session, item["image"], info.spacing_mm)
        check_finite_result(confidence, item["name"])
        prediction = Prediction(
            image=item["name"],
            scheme=self.scheme,
            points_px=points_px.astype(np.float64),
            confidence=confidence.astype(np.float64),
            spacing_mm=info.spacing_mm,
            spacing_source=info.spacing_source,
        )
        return prediction.doubted(info.remarks)


def run_film(session: Any, film: np.ndarray, spacing_mm: tuple[float, float] | None) -> tuple[np.ndarray, np.ndarray]:
    """Run an exported model on a film (X, Y); return points (N, 2), film pixels, and confidences (N,)."""
    spacing = np.array((np.nan, np.nan) if spacing_mm is None else spacing_mm, dtype=np.float64)
    points_px, confidence = session.run(None, {"film": film[None, None].astype(np.float32), "spacing_mm": spacing})
    return points_px, confidence


def open_session(path: Path) -> Any:
    """Open an onnxruntime session on the CPU, with as many threads as this process may use.

    Raises:
        ImportError: onnxruntime is missing.
        ValueError: the file is no ONNX model that it can run.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(f"The onnx backend needs onnxruntime. {EXTRA}") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _threads()
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions have no common class
        raise ValueError(
            f"Cannot run '{path}' ({type(error).__name__}); expected a model of monai-ceph export."
        ) from error


def load_onnx_predictor(
    bundle: Path | None = None, spacing_mm: float | None = None, device: str = "auto"
) -> OnnxPredictor:
    """Load an exported model.

    Args:
        bundle: the folder of a bundle with a ``models/model.onnx``, or an ``.onnx`` file; None is the shipped bundle.
        spacing_mm: the films' pixel size; wins over the one in the files.
        device: ``"auto"`` or ``"cpu"``.
    Raises:
        FileNotFoundError: there is no such model; the message tells how to make it.
        ImportError: onnxruntime is missing.
        ValueError: another device, a file that is no exported model, or one of other weights than the bundle's.
    """
    if device not in ("auto", "cpu"):
        raise ValueError(f"The onnx backend runs on the CPU, not on '{device}'; use --device cpu or --backend torch.")
    given = default_bundle() if bundle is None else Path(bundle)
    path = given if given.suffix == ".onnx" else given / MODEL
    if not path.is_file():
        folder = "" if given == path or bundle is None else f" --bundle '{given}'"
        raise FileNotFoundError(
            f"There is no '{path}'; make it with: monai-ceph export --format onnx{folder} --output '{path}'"
        )
    session = open_session(path)
    metadata: Mapping[str, str] = session.get_modelmeta().custom_metadata_map
    if given != path and metadata.get("bundle_sha256") != bundle_sha256(given):
        raise ValueError(f"'{path}' was exported from other weights or settings than '{given}' has; export it again.")
    try:
        scheme = json.loads(metadata["scheme"])
        return OnnxPredictor(
            session=session,
            scheme=LandmarkScheme(scheme["name"], tuple(Landmark(**row) for row in scheme["landmarks"])),
            working_mm=float(metadata["working_spacing_mm"]),
            assumed_mm=(float(metadata["assumed_spacing_mm"]),) * 2,
            patch_size=int(metadata["patch_size"]),
            low_confidence=float(metadata["low_confidence"]),
            spacing_mm=spacing_mm,
            weights_sha256=metadata.get("weights_sha256", ""),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"'{path}' was not written by monai-ceph export: its metadata lack {error}.") from error


def bundle_sha256(bundle: Path) -> str:
    """Return one hash of a bundle's settings and weights. Raises OSError if there are none."""
    content = bundle_config(bundle).read_bytes() + (bundle / "models" / "model.pt").read_bytes()
    return hashlib.sha256(content).hexdigest()


def _threads() -> int:
    # onnxruntime itself counts the machine's cores, of which a container may have few. OMP_NUM_THREADS is what torch
    # goes by.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return int(os.environ.get("OMP_NUM_THREADS") or cores)

"""Run an exported model with onnxruntime, as a whole or its global stage alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.predictor.threads import core_count

EXTRA = "Install the packages of the extra 'onnx': pip install 'monai-ceph[onnx]'."
"""What to do where they are missing."""
COARSE = ("coarse_px", "coarse_confidence")
"""The outputs of the global stage."""


def run_film(
    session: Any, film: np.ndarray, spacing_mm: tuple[float, float], start_px: np.ndarray | None = None
) -> tuple[np.ndarray, ...]:
    """Run an exported model on a film (X, Y).

    Args:
        session: of :func:`open_session`, or of :func:`global_stage`.
        film: gray values.
        spacing_mm: (along x, along y).
        start_px: (N, 2), where the local stage looks; None for the points of the global stage.
    Returns:
        Points (N, 2), film pixels, and confidences (N,); the same of the global stage; and, unless the model is an
        older one, the spread of the heatmaps (N, 3), film px^2. Of the global stage alone: its points and confidences.
        All are float64.
    """
    inputs = {"film": film[None, None].astype(np.float32), "spacing_mm": np.array(spacing_mm, dtype=np.float64)}
    if start_px is not None:
        inputs["start_px"] = start_px
    return tuple(output.astype(np.float64) for output in session.run(None, inputs))


def global_stage(path: Path) -> Any:
    """Open a session of the global stage alone, whose outputs are :data:`COARSE`. Raises ImportError without onnx."""
    import onnx
    import onnx.utils

    part = onnx.utils.Extractor(onnx.load(path)).extract_model(["film", "spacing_mm"], list(COARSE))
    return open_session(path, part.SerializeToString())


def open_session(path: Path, content: bytes | None = None) -> Any:
    """Open an onnxruntime session on the CPU, with as many threads as this process may use.

    Args:
        path: the model's file.
        content: a part of the model, to run in its place.
    Raises:
        ImportError: onnxruntime is missing.
        ValueError: the file is not an ONNX model that it can run.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(f"The onnx backend needs onnxruntime. {EXTRA}") from error
    options = onnxruntime.SessionOptions()
    # onnxruntime counts the machine's cores, of which a container may have few. Like torch, follow OMP_NUM_THREADS.
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS") or core_count())
    options.log_severity_level = 3  # errors: it warns of each input that may be left out
    try:
        return onnxruntime.InferenceSession(content or str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions have no common class
        raise ValueError(
            f"Cannot run '{path}' ({type(error).__name__}); expected a model of monai-ceph export."
        ) from error

"""Write a :class:`WholeFilm` as an ONNX or a TorchScript file."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from monai_ceph.export.whole_film import WholeFilm
from monai_ceph.predictor.model_checksum import CHECKSUM, EMPTY, sign
from monai_ceph.predictor.onnx_session import EXTRA

OPSET = 18
"""Version of ONNX's operators: the one that torch's exporter is made for, and older than most runtimes in use."""
OUTPUTS = ("points_px", "confidence", "coarse_px", "coarse_confidence", "spread_px2")
START = "start_px"
"""Name of the input that a caller may leave out."""


def write_onnx(module: WholeFilm, path: Path, metadata: Mapping[str, str]) -> None:
    """Write a module as one ONNX file with its weights, of operator set :data:`OPSET`.

    Args:
        module: its inputs are named ``film``, ``spacing_mm`` and ``start_px``, which is NaN if left out; its outputs
            :data:`OUTPUTS`.
        path: the file.
        metadata: becomes the model's ``metadata_props``, with the file's checksum.
    Raises:
        ImportError: onnx or onnxscript is missing.
        ValueError: the network cannot be exported for films of any size.
    """
    try:
        from onnxscript import ir  # torch's exporter is written in onnxscript, and it brings onnx
    except ImportError as error:
        raise ImportError(f"Exporting to ONNX needs {error.name}. {EXTRA}") from error
    # Any size that torch.export does not treat as special (0, 1, or a square).
    no_start = torch.full((module.landmark_count, 2), torch.nan, dtype=torch.float64)
    sample = torch.zeros(1, 1, 64, 72), torch.full((2,), 0.1, dtype=torch.float64), no_start
    # It names operators of packages that are not installed, and tells of each step.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):  # code, where it cannot follow it
        warnings.simplefilter("ignore")
        try:
            program = torch.onnx.export(
                module,
                sample,
                dynamo=True,
                dynamic_shapes=({2: "x", 3: "y"}, None, None),
                input_names=("film", "spacing_mm", START),
                output_names=OUTPUTS,
                opset_version=OPSET,
                verbose=False,
            )
        except (RuntimeError, torch.onnx.errors.OnnxExporterError) as error:
            raise ValueError(f"This network cannot be exported to ONNX: {_reason(error)}") from error
    if program is None:
        raise ValueError("torch.onnx.export returned nothing; it needs a newer torch.")
    for node in program.model.graph.all_nodes():
        node.metadata_props.clear()  # where each line of Python lay on the machine that exported
    # An input that has an initializer is optional.
    [start] = [value for value in program.model.graph.inputs if value.name == START]
    start.const_value = ir.tensor(no_start.numpy(), name=START)
    program.model.graph.initializers[START] = start
    program.model.metadata_props.update({**metadata, CHECKSUM: EMPTY})
    program.save(path, external_data=False)
    sign(path)


def write_torchscript(module: WholeFilm, path: Path, metadata: Mapping[str, str]) -> None:
    """Write a module as TorchScript with the same inputs and outputs, the metadata as its extra file ``metadata.json``.

    Raises:
        ValueError: TorchScript cannot express the module, e.g. one with a guide.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            script = torch.jit.script(module)
        except (RuntimeError, NotImplementedError) as error:
            raise ValueError(f"This network cannot be exported to TorchScript: {_reason(error)}") from error
        torch.jit.save(script, str(path), _extra_files={"metadata.json": json.dumps(dict(metadata))})


FORMATS: dict[str, Callable[[WholeFilm, Path, Mapping[str, str]], None]] = {
    "onnx": write_onnx,
    "torchscript": write_torchscript,
}


def _reason(error: BaseException, length: int = 300) -> str:
    """Return the first cause of an error, without the advice that torch appends."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:length]

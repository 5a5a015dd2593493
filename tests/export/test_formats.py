"""Files of a network so small that they are made in seconds; the U-Net's own are in tests/export/test_bundle.py."""

from __future__ import annotations

import json
import re
import string
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from monai_ceph.export.formats import OPSET, write_onnx, write_torchscript
from monai_ceph.export.whole_film import WholeFilm
from monai_ceph.heatmaps import decode_argmax, decode_soft_centroid
from monai_ceph.inferers import FastTwoStageInferer
from monai_ceph.networks import TwoStageNet
from tests.export.nets import SCHEME, OneConvolution, convolutions
from tests.export.test_whole_film import FILMS, WORKING_MM, run, settings, smooth_film


def module(**changes: object) -> WholeFilm:
    return WholeFilm(convolutions(), FastTwoStageInferer(**settings(**changes)), WORKING_MM, (0.1, 0.1))


@pytest.fixture(scope="module")
def guided() -> WholeFilm:
    """Five patches a landmark, a guide with a width for each, and the other decoders."""
    widths = [5.0 + k for k in range(6)]
    decoders = {"coarse_decoder": decode_argmax, "decoder": decode_soft_centroid}
    return module(expansion=1.8, guide_sigma_px=widths, **decoders)


@pytest.fixture(scope="module")
def guided_onnx(guided: WholeFilm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnxscript")
    path = tmp_path_factory.mktemp("onnx") / "guided.onnx"
    write_onnx(guided, path, {"name": "five patches"})
    return path


def test_onnxruntime_gives_the_same_for_any_film(guided: WholeFilm, guided_onnx: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(guided_onnx), providers=["CPUExecutionProvider"])
    for size, spacing_mm in [*FILMS, ((64, 72), (0.9, 0.9)), ((200, 240), (float("nan"), 0.6))]:
        film = smooth_film(size)
        inputs = {"film": film[None, None], "spacing_mm": np.array(spacing_mm)}
        expected = run(guided, film, spacing_mm)
        for found, wanted in zip(session.run(None, inputs), expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-3, err_msg=f"{size} {spacing_mm}")
    # Where the local stage looks may be left out, as above, or be told.
    start_px = np.array([[50.0, 60.0], [np.nan, np.nan], *[[100.0, 90.0]] * 4])
    with torch.no_grad():
        expected = guided(*(torch.from_numpy(value) for value in (*inputs.values(), start_px)))
    for found, wanted in zip(session.run(None, {**inputs, "start_px": start_px}), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-3)


def test_graph_says_what_it_is_and_not_where_it_was_made(guided_onnx: Path, repository: Path) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load(guided_onnx)
    onnx.checker.check_model(model)
    assert {entry.domain: entry.version for entry in model.opset_import}[""] == OPSET >= 18
    metadata = {prop.key: prop.value for prop in model.metadata_props}
    assert set(metadata.pop("file_sha256")) <= set(string.hexdigits) and metadata == {"name": "five patches"}
    shapes = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    found = {"points_px": [6, 2], "confidence": [6], "coarse_px": [6, 2], "coarse_confidence": [6]}
    found["spread_px2"] = [6, 3]
    assert shapes == {"film": [1, 1, "x", "y"], "spacing_mm": [2], "start_px": [6, 2], **found}
    content = guided_onnx.read_bytes()
    assert str(repository).encode() not in content and b"whole_film.py" not in content
    assert [path.name for path in guided_onnx.parent.iterdir()] == ["guided.onnx"]


def test_torchscript_gives_the_same_for_any_film(tmp_path: Path) -> None:
    plain, path, extra = module(), tmp_path / "plain.ts", {"metadata.json": ""}
    write_torchscript(plain, path, {"name": "one patch"})
    script = torch.jit.load(str(path), _extra_files=extra)
    assert json.loads(extra["metadata.json"]) == {"name": "one patch"}
    for size, spacing_mm in FILMS:
        film = smooth_film(size)
        for found, wanted in zip(run(script, film, spacing_mm), run(plain, film, spacing_mm), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-3)


def test_guide_is_not_for_torchscript(guided: WholeFilm, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="This network cannot be exported to TorchScript: "):
        write_torchscript(guided, tmp_path / "guided.ts", {})


class Undecided(OneConvolution):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return super().forward(image if image.mean() > 0 else -image)


def test_network_that_asks_for_values_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxscript")
    network = TwoStageNet(Undecided(), OneConvolution(), SCHEME)
    film = WholeFilm(network, FastTwoStageInferer(**settings()), WORKING_MM, (0.1, 0.1))
    with pytest.raises(ValueError, match="This network cannot be exported to ONNX: "):
        write_onnx(film, tmp_path / "undecided.onnx", {})
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")  # torch prints pages of code when it cannot follow


def test_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    message = "Exporting to ONNX needs onnxscript. Install the packages of the extra 'onnx': pip install"
    with pytest.raises(ImportError, match=re.escape(message)):
        write_onnx(module(), tmp_path / "m.onnx", {})

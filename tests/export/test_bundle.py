"""``monai-ceph export``, and what is made of its files: ``predict --backend onnx`` and the page docs/deployment.md."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import ckpt_export

import monai_ceph
from monai_ceph.analysis.uncertainty import FEATURES
from monai_ceph.cli import main
from monai_ceph.commands.export import MODEL_FORMATS
from monai_ceph.commands.predict import BACKENDS
from monai_ceph.export import bundle as module
from monai_ceph.export.formats import FORMATS, OPSET
from monai_ceph.export.whole_film import any_film_inferer
from monai_ceph.face_shape import FaceShape
from monai_ceph.formats.annotations import read_annotations
from monai_ceph.inferers import AnyFilmInferer, TwoStageInferer
from monai_ceph.landmark_status import StatusRule
from monai_ceph.landmarks import ISBI19
from monai_ceph.phantoms import write_phantoms
from monai_ceph.predictor.model_checksum import sign
from monai_ceph.predictor.onnx_predictor import JUDGES, load_onnx_predictor
from monai_ceph.predictor.onnx_session import run_film
from monai_ceph.predictor.torch_predictor import TorchPredictor, load_torch_predictor
from tests.analysis.test_uncertainty import table as uncertainty_table
from tests.bundles.tiny import SPACING_MM
from tests.export.nets import sharpen
from tests.tiny_bundle import make_bundle


def _sharp_bundle(shipped: Path, folder: Path) -> Path:
    bundle = make_bundle(shipped, folder)
    system = load_torch_predictor(bundle, device="cpu")
    torch.save(sharpen(system.network).state_dict(), bundle / "models" / "model.pt")
    return bundle


@pytest.fixture(scope="module")
def exported(shipped_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with its models/model.onnx."""
    pytest.importorskip("onnxscript")
    bundle = _sharp_bundle(shipped_bundle, tmp_path_factory.mktemp("exported") / "a bundle")
    model = bundle / "models" / "model.onnx"
    assert main(["export", "--format", "onnx", "--output", str(model), "--bundle", str(bundle)]) == 0
    assert sorted(path.name for path in model.parent.iterdir()) == ["film_input.py", "model.onnx", "model.pt"]
    return bundle


@pytest.fixture(scope="module")
def judging(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A film; and that bundle, to which the random points of its global stage on the film are the face."""
    folder = tmp_path_factory.mktemp("judging")
    [film] = write_phantoms(folder, 1, seed=5, size=(323, 400), spacing_mm=0.6)
    bundle = shutil.copytree(exported, folder / "b")
    system = load_onnx_predictor(bundle, 0.6)
    face_mm = 0.6 * run_film(system.session, system.load(film)["image"], (0.6, 0.6))[2]
    FaceShape(ISBI19.symbols, face_mm - face_mm.mean(0), 400 * np.eye(38)).write(bundle / "configs/face_shape.json")
    rule = StatusRule(-2.0, (-0.5, -0.5, 0.8, 0.2, -0.1), limit=0.3, believable=0.01, measured={})
    rule.write(bundle / "configs/landmark_status.json")
    given = {
        "weights": system.weights_sha256,
        "symbols": ISBI19.symbols,
        "slopes": np.linspace(0.1, 0.4, len(FEATURES)),
    }
    uncertainty_table(**given, heatmap_share=0.5, usual=-1.0).write(bundle / "configs/uncertainty.json")
    said = {name: (bundle / f"configs/{name}.json").read_text(encoding="utf-8") for name in JUDGES}
    _say(bundle / "models" / "model.onnx", said)
    return film, bundle


def _say(model: Path, metadata: dict[str, str]) -> None:
    """Replace metadata of an exported model."""
    onnx = pytest.importorskip("onnx")
    content = onnx.load(model)
    kept = {entry.key: entry.value for entry in content.metadata_props}
    onnx.helper.set_model_props(content, kept | metadata)
    onnx.save(content, model)
    sign(model)


def literal(bundle: Path, spacing_mm: float | None) -> TorchPredictor:
    """The bundle's own parts with the reference inferer, in float32."""
    system = load_torch_predictor(bundle, spacing_mm, "cpu")
    outer = any_film_inferer(system.inferer)
    fast = outer.inferer
    settings = ("global_scale", "patch_size", "merge", "guide_sigma_px", "coarse_decoder", "decoder")
    inferer = TwoStageInferer(expansion=1.0, **{name: getattr(fast, name) for name in settings})
    assert torch.equal(inferer.offsets, fast.offsets)
    return replace(system, inferer=AnyFilmInferer(inferer, outer.local_mm, None))


@pytest.mark.parametrize(
    ("size", "spacing_mm"),
    [((323, 400), 0.6), ((967, 1200), 0.2), ((601, 502), 0.35), ((257, 331), 0.77), ((96, 125), 1.3)],
)
def test_same_points_as_the_bundle(exported: Path, tmp_path: Path, size: tuple[int, int], spacing_mm: float) -> None:
    [film] = write_phantoms(tmp_path, 1, seed=5, size=size, spacing_mm=spacing_mm)
    torch_system, onnx_system = literal(exported, spacing_mm), load_onnx_predictor(exported, spacing_mm)
    expected = torch_system.predict(torch_system.load(film))
    found = onnx_system.predict(onnx_system.load(film))
    assert np.abs(found.points_px - expected.points_px).max() < 0.05
    np.testing.assert_allclose(found.confidence, expected.confidence, atol=1e-4)
    assert (found.image, found.scheme, found.spacing_mm, found.spacing_source) == (
        expected.image,
        expected.scheme,
        expected.spacing_mm,
        expected.spacing_source,
    )


def test_same_uncertainty_as_the_bundle(judging: tuple[Path, Path]) -> None:
    film, bundle = judging
    expected, found = (load(bundle, 0.6, "cpu")(film) for load in (load_torch_predictor, load_onnx_predictor))
    assert np.abs(found.points_px - expected.points_px).max() < 0.05
    np.testing.assert_allclose(found.confidence, expected.confidence, atol=1e-4)
    assert (found.statuses, found.remarks, found.doubts) == (expected.statuses, expected.remarks, expected.doubts)
    for name in ("expected_error_mm", "radius90_mm", "covariance_mm2"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=5e-3, err_msg=name)
    assert np.ptp(found.expected_error_mm) > 0.01


def test_global_stage_alone_gives_the_same(judging: tuple[Path, Path]) -> None:
    film, bundle = judging
    system = load_onnx_predictor(bundle, 0.6)
    pixels = system.load(film)["image"]
    everything = run_film(system.session, pixels, (0.6, 0.6))
    alone = run_film(system.coarse_session, pixels, (0.6, 0.6))
    for found, expected in zip(alone, everything[2:4], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_uncertainty_of_other_weights_is_not_used(
    judging: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    film, bundle = judging
    model = shutil.copy(bundle / "models" / "model.onnx", tmp_path / "m.onnx")
    other = json.loads((bundle / "configs/uncertainty.json").read_text(encoding="utf-8")) | {"weights": "1" * 64}
    _say(model, {"uncertainty": json.dumps(other)})
    assert load_onnx_predictor(model, 0.6)(film).radius90_mm is None
    assert caplog.messages == [
        f"No expected errors: the table in '{model}' was measured with other weights than the model was exported from."
    ]


def test_model_of_before_there_was_uncertainty(
    judging: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    onnx = pytest.importorskip("onnx")
    film, bundle = judging
    content = onnx.load(bundle / "models" / "model.onnx")
    del content.graph.output[-1]
    [checksum] = [entry for entry in content.metadata_props if entry.key == "file_sha256"]
    content.metadata_props.remove(checksum)
    onnx.save(content, tmp_path / "old.onnx")
    found = load_onnx_predictor(tmp_path / "old.onnx", 0.6)(film)
    assert caplog.messages == [
        f"No expected errors: '{tmp_path / 'old.onnx'}' was exported before models had them; export it again."
    ]
    assert found.radius90_mm is None and found.status is not None
    np.testing.assert_allclose(found.points_px, load_onnx_predictor(bundle, 0.6)(film).points_px)


@pytest.mark.real_films
@pytest.mark.slow
def test_shipped_weights_give_the_same_on_real_films(real_films: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    model = tmp_path / "shipped.onnx"
    assert main(["export", "--output", str(model)]) == 0
    isbi = [real_films / "isbi2015" / "cepha400" / f"{film:03d}.jpg" for film in (6, 78, 144)]
    hamedan = sorted((real_films / "hamedan" / "images").iterdir())[:3]
    for films, spacing_mm in ((isbi, 0.1), (hamedan, 0.127)):
        torch_system, onnx_system = (
            literal(module.default_bundle(), spacing_mm),
            load_onnx_predictor(model, spacing_mm),
        )
        for film in films:
            expected = torch_system.predict(torch_system.load(film))
            found = onnx_system.predict(onnx_system.load(film))
            assert np.abs(found.points_px - expected.points_px).max() < 0.05, film


def test_file_says_what_it_is(exported: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    metadata = onnxruntime.InferenceSession(str(exported / "models" / "model.onnx")).get_modelmeta().custom_metadata_map
    bundle = json.loads((exported / "configs" / "metadata.json").read_text(encoding="utf-8"))
    assert [row["symbol"] for row in json.loads(metadata["scheme"])["landmarks"]] == list(ISBI19.symbols)
    assert metadata["opset"] == str(OPSET)
    assert metadata["bundle_version"] == bundle["version"]
    assert metadata["monai_ceph_version"] == monai_ceph.__version__
    assert metadata["intended_use"].startswith("Research only. This is not a medical device")
    assert "film (1, 1, X, Y) float32" in metadata["description"]
    assert "points_px (N, 2) float32" in metadata["description"]


def test_torchscript_file(shipped_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle, model = _sharp_bundle(shipped_bundle, tmp_path / "b"), tmp_path / "new" / "model.ts"
    assert main(["export", "--format", "torchscript", "--output", str(model), "--bundle", str(bundle)]) == 0
    assert re.fullmatch(rf"{model}: torchscript, [\d.]+ MB, gives the bundle's points\n", capsys.readouterr().out)
    assert {path.name for path in model.parent.iterdir()} == {"film_input.py", "model.ts"}


def test_ckpt_export_of_the_bundle_is_the_global_stage(shipped_bundle: Path, tmp_path: Path) -> None:
    bundle, model = make_bundle(shipped_bundle, tmp_path / "b"), tmp_path / "global.ts"
    configs = bundle / "configs"
    ckpt_export(
        net_id="network_def",
        filepath=str(model),
        ckpt_file=str(bundle / "models" / "model.pt"),
        config_file=str(configs / "inference.json"),
        meta_file=str(configs / "metadata.json"),
        key_in_ckpt="",
        bundle_root=str(bundle),
    )
    system, film = load_torch_predictor(bundle, device="cpu"), torch.rand(1, 1, 64, 80)
    with torch.no_grad():
        found, expected = torch.jit.load(str(model))(film), system.network.global_net(film).softmax(1)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_file_that_gives_other_points_is_not_written(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole_film = module.whole_film

    def shifted(*parts: object) -> object:
        module = whole_film(*parts)
        module.working_mm += 0.005
        return module

    monkeypatch.setattr(module, "whole_film", shifted)
    model = tmp_path / "out" / "model.ts"
    model.parent.mkdir()
    model.write_text("of before")
    arguments = ["export", "--format", "torchscript", "--output", str(model), "--bundle", str(tiny_bundle)]
    assert main(arguments) == 1
    assert "The exported file gives other landmarks than the bundle: up to" in capsys.readouterr().err
    assert {path.name: path.read_text() for path in model.parent.iterdir()} == {"model.ts": "of before"}


def test_bundle_that_merges_all_patches(
    shipped_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = make_bundle(shipped_bundle, tmp_path / "b", merge="all")
    assert main(["export", "--output", str(tmp_path / "m.onnx"), "--bundle", str(bundle)]) == 1
    error = "monai-ceph export: error: Expected an inferer with merge 'own' to export, got 'all'; set \"merge\".\n"
    assert capsys.readouterr().err == error
    assert not (tmp_path / "m.onnx").exists()


def test_command_line_names_what_there_is() -> None:
    assert tuple(FORMATS) == MODEL_FORMATS
    assert BACKENDS == ("torch", "onnx")


def test_model_that_is_not_there(tiny_bundle: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model = tiny_bundle / "models" / "model.onnx"
    message = f"There is no '{model}'; make it with: monai-ceph export --format onnx --bundle '{tiny_bundle}' --output "
    with pytest.raises(FileNotFoundError, match=re.escape(message)):
        load_onnx_predictor(tiny_bundle)
    with pytest.raises(FileNotFoundError, match=re.escape("monai-ceph export --format onnx --output")):
        load_onnx_predictor(tmp_path / "none.onnx")


def test_model_of_other_weights(exported: Path, tmp_path: Path) -> None:
    bundle = shutil.copytree(exported, tmp_path / "b")
    with (bundle / "models" / "model.pt").open("ab") as file:
        file.write(b"trained on")
    message = f"'{bundle / 'models' / 'model.onnx'}' was exported from other weights or settings than '{bundle}' has"
    with pytest.raises(ValueError, match=re.escape(message)):
        load_onnx_predictor(bundle)
    assert load_onnx_predictor(bundle / "models" / "model.onnx").scheme == ISBI19


def test_model_with_a_changed_weight(exported: Path, tmp_path: Path) -> None:
    model = exported / "models" / "model.onnx"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(content)
    message = f"The checksum of '{damaged}' does not match. The file may be damaged or edited: copy or export it again."
    with pytest.raises(ValueError, match=re.escape(message)):
        load_onnx_predictor(damaged)


def test_model_that_is_none(exported: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    broken, foreign = tmp_path / "broken.onnx", tmp_path / "foreign.onnx"
    broken.write_bytes(b"model")
    with pytest.raises(ValueError, match=r"Cannot run '.*broken\.onnx' \(\w+\); expected a model of monai-ceph export"):
        load_onnx_predictor(broken)
    model = onnx.load(exported / "models" / "model.onnx")
    del model.metadata_props[:]
    onnx.save(model, foreign)
    with pytest.raises(ValueError, match="was not written by monai-ceph export: its metadata lack 'scheme'"):
        load_onnx_predictor(foreign)


def test_onnx_runs_on_the_cpu_alone(exported: Path) -> None:
    with pytest.raises(ValueError, match="The onnx backend runs on the CPU, not on 'cuda:0'; use --device cpu or"):
        load_onnx_predictor(exported, device="cuda:0")


@pytest.mark.parametrize(
    ("size", "spacing_mm", "message"),
    [
        ((60, 90), 0.3, "The film is 30 x 45 px at the local stage's scale, smaller than a patch of 48 px."),
        ((90, 60), 200.0, "phantom_000.png: with this pixel spacing the film is 18 x 12 m large; is it in mm?"),
    ],
)
def test_film_that_cannot_be_used(
    exported: Path, tmp_path: Path, size: tuple[int, int], spacing_mm: float, message: str
) -> None:
    [film] = write_phantoms(tmp_path, 1, size=size, spacing_mm=2.0)
    with pytest.raises(ValueError, match=re.escape(message)):
        load_onnx_predictor(exported, spacing_mm).load(film)


def test_unknown_spacing_is_assumed_and_reported(
    exported: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    [film] = write_phantoms(tmp_path, 1, size=(700, 800), spacing_mm=0.25)
    found = load_onnx_predictor(exported)
    item = found.load(film)
    assert caplog.messages == [f"{film}: pixel spacing unknown, scaled as if it were 0.1 mm."]
    prediction = found.predict(item)
    assert (prediction.spacing_mm, prediction.spacing_source) == (None, "unknown")
    torch_system = literal(exported, None)
    expected = torch_system.predict(torch_system.load(film))
    np.testing.assert_allclose(prediction.points_px, expected.points_px, atol=0.05)


def test_predict_with_the_onnx_backend(exported: Path, phantom_films: Path, tmp_path: Path) -> None:
    for backend, given in (("torch", exported), ("onnx", exported), ("file", exported / "models" / "model.onnx")):
        options = ["--bundle", str(given), "--spacing", str(SPACING_MM), "--format", "csv"]
        options += ["--backend", "torch" if backend == "torch" else "onnx", "--output", str(tmp_path / backend)]
        assert main(["predict", str(phantom_films), *options]) == 0
    tables = [read_annotations(tmp_path / name / "landmarks.csv").points_px for name in ("torch", "onnx", "file")]
    for name, points_px in tables[0].items():
        for table in tables[1:]:
            np.testing.assert_allclose(table[name], points_px, atol=0.05)
    assert len(tables[0]) == len(tables[1]) == len(tables[2]) == 3


def test_onnx_backend_needs_no_torch(exported: Path, phantom_films: Path, tmp_path: Path) -> None:
    arguments = ["predict", str(phantom_films), "--bundle", str(exported), "--spacing", str(SPACING_MM)]
    arguments += ["--output", str(tmp_path), "--backend", "onnx"]
    code = f"""
import sys
from monai_ceph.cli import main
assert main({arguments!r}) == 0
assert not {{"torch", "monai", "onnx", "onnxscript", "itk", "pandas"}} & set(sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_example_on_the_page_prints_every_landmark(
    exported: Path,
    repository: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = (repository / "docs" / "deployment.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    [film] = write_phantoms(tmp_path, 1, seed=0, size=(1290, 1600), spacing_mm=0.15)
    film.rename(tmp_path / "film.png")
    for name in ("model.onnx", "film_input.py"):
        shutil.copy(exported / "models" / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    exec(compile(example, "docs/deployment.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(ISBI19.symbols)
    system = load_onnx_predictor(Path("model.onnx"), 0.1)
    expected = system.predict(system.load(Path("film.png")))
    shown = np.array([[float(number) for number in line.split()[1:3]] for line in lines])
    np.testing.assert_allclose(shown, expected.points_px, atol=0.051)

"""A bundle loaded without an engine gives what the bundle's own workflow gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow

from monai_ceph.data.film_format import FilmError
from monai_ceph.formats.annotations import read_annotations
from monai_ceph.predictor.bundle import default_bundle, paper_bundle
from monai_ceph.predictor.device import resolve_device
from monai_ceph.predictor.lean_imports import UNUSED, _is_plain, without_packages
from monai_ceph.predictor.torch_predictor import load_torch_predictor
from tests.bundles.tiny import SPACING_MM


def test_shipped_bundles_are_found_from_any_folder(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_bundle().samefile(repository / "bundles" / "cephalometric_landmarks_pretrained")
    assert paper_bundle().samefile(repository / "bundles" / "cephalometric_landmarks")


def test_same_points_as_the_bundles_own_run(tiny_bundle: Path, phantom_films: Path, tmp_path: Path) -> None:
    workflow = ConfigWorkflow(
        config_file=str(tiny_bundle / "configs" / "inference.json"),
        meta_file=str(tiny_bundle / "configs" / "metadata.json"),
        logging_file=False,
        bundle_root=str(tiny_bundle),
        dataset_dir=str(phantom_films),
        output_dir=str(tmp_path / "out"),
        film_spacing_mm=SPACING_MM,
        device=torch.device("cpu"),
    )
    workflow.initialize()
    workflow.run()
    expected = read_annotations(tmp_path / "out" / "landmarks.csv").points_px
    system = load_torch_predictor(tiny_bundle, SPACING_MM, "cpu")
    assert len(expected) == 3
    for name, points_px in expected.items():
        prediction = system.predict(system.load(phantom_films / f"{name}.png"))
        assert (prediction.image, prediction.spacing_mm, prediction.spacing_source) == (
            f"{name}.png",
            (SPACING_MM, SPACING_MM),
            "user",
        )
        np.testing.assert_allclose(prediction.points_px, points_px, atol=1e-3)


def test_answer_that_is_no_number_is_an_error_of_its_film(tiny_bundle: Path, phantom_films: Path) -> None:
    predictor = load_torch_predictor(tiny_bundle, SPACING_MM, "cpu")
    item = predictor.load(next(phantom_films.glob("*.png")))
    item["image"][:] = float("inf")
    with pytest.raises(FilmError, match=r"\.png: the networks' answer holds numbers that are not finite"):
        predictor.predict(item)


def test_device_names() -> None:
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device("auto").type in ("cpu", "cuda")
    with pytest.raises(ValueError, match="Unknown device 'gpu'; expected auto, cpu or cuda:0"):
        resolve_device("gpu")


def test_device_of_a_process_that_torchrun_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve_device("auto") == torch.device("cuda:0")
    for rank, device in (("1", "cuda:1"), ("2", "cuda:0")):  # three processes on two GPUs
        monkeypatch.setenv("LOCAL_RANK", rank)
        assert resolve_device("auto") == torch.device(device)


def test_one_prediction_loads_no_more_than_it_needs(
    tiny_bundle: Path, phantom_films: Path, tmp_path: Path, repository: Path
) -> None:
    film = next(phantom_films.glob("*.png"))
    arguments = ["predict", film, "--output", tmp_path / "out", "--bundle", tiny_bundle, "--spacing", SPACING_MM]
    code = (
        "import sys; from monai_ceph.cli import main\n"
        "status = main()\n"
        f"print(status, [name for name in {UNUSED} if name in sys.modules])\n"
        "import scipy, pandas, itk"  # afterwards they are there
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, cwd=repository
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1] == "0 []" and ran.stderr == ""


def test_nothing_to_do_and_nothing_found_load_no_network(tmp_path: Path, repository: Path) -> None:
    code = (
        "import sys; from monai_ceph.cli import main\n"
        "main(); sys.exit(bool({'torch', 'monai', 'pydicom', 'itk', 'pandas'} & set(sys.modules)))"
    )
    call = [sys.executable, "-c", code, "predict", str(tmp_path / "none.png"), "--output", str(tmp_path / "out")]
    ran = subprocess.run(call, capture_output=True, text=True, cwd=repository)
    assert "there is no such film or folder" in ran.stderr
    assert ran.returncode == 0


def test_absent_packages_are_back_afterwards() -> None:
    sys.modules.pop("colorsys", None)
    with without_packages(["colorsys", "json"]):
        with pytest.raises(ModuleNotFoundError, match="colorsys"):
            import colorsys
        import json as still_there  # noqa: F401  was imported before
    import colorsys  # noqa: F401


@pytest.mark.parametrize(
    ("config", "plain"),
    [
        (
            '{"network": {"_target_": "BasicUNet"}, "inferer": {"_target_": "monai_ceph.inferers.AutocastInferer"}}',
            True,
        ),
        ('{"network": {"_target_": "DiNTS"}}', False),
        ('{"preprocessing": {"_target_": "Compose", "transforms": [{"_target_": "FillHolesd"}]}}', False),
        ("{", False),
    ],
)
def test_bundle_of_other_parts_gets_all_of_monai(tmp_path: Path, config: str, plain: bool) -> None:
    (tmp_path / "inference.json").write_text(config)
    assert _is_plain(tmp_path / "inference.json") is plain


def test_shipped_bundle_is_plain_with_either_network(shipped_bundle: Path) -> None:
    for name in ("inference", "swap_network"):
        assert _is_plain(shipped_bundle / "configs" / f"{name}.json")

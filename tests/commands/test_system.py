"""A bundle loaded without an engine gives what the bundle's own workflow gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow

from monai_ceph.commands.system import default_bundle, load_system, resolve_device
from monai_ceph.data.annotations import read_annotations
from tests.bundles.tiny import SPACING_MM


def test_shipped_bundle_is_found_from_any_folder(
    shipped_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_bundle().samefile(shipped_bundle)


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
    system = load_system(tiny_bundle, SPACING_MM, "cpu")
    assert len(expected) == 3
    for name, points_px in expected.items():
        prediction = system.predict(system.load(phantom_films / f"{name}.png"))
        assert (prediction.image, prediction.spacing_mm, prediction.spacing_source) == (
            f"{name}.png",
            (SPACING_MM, SPACING_MM),
            "user",
        )
        np.testing.assert_allclose(prediction.points_px, points_px, atol=1e-3)


def test_device_names() -> None:
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device("auto").type in ("cpu", "cuda")
    with pytest.raises(ValueError, match="Unknown device 'gpu'; expected auto, cpu or cuda:0"):
        resolve_device("gpu")

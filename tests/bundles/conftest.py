"""Phantom films, and the bundle's configs as workflows of this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from monai.bundle import ConfigWorkflow

from monai_ceph.phantoms import write_phantoms
from tests.bundles.tiny import SPACING_MM


@pytest.fixture(scope="session")
def bundle(repository: Path) -> Path:
    return repository / "bundles" / "cephalometric_landmarks"


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with four films and points.csv; its name holds a space."""
    folder = tmp_path_factory.mktemp("phantoms") / "four films"
    write_phantoms(folder, 4, seed=1, size=(323, 400), spacing_mm=SPACING_MM)
    return folder


@pytest.fixture
def workflow(bundle: Path, tmp_path: Path, training_process: None) -> Callable[..., ConfigWorkflow]:
    """``workflow(["train", "train_global"], **overrides)``: initialised, not run; results go to ``tmp_path``."""

    def make(configs: list[str], kind: str = "train", **overrides: Any) -> ConfigWorkflow:
        made = ConfigWorkflow(
            config_file=[str(bundle / "configs" / f"{name}.json") for name in configs],
            meta_file=str(bundle / "configs" / "metadata.json"),
            logging_file=False,
            workflow_type=kind,
            **{"bundle_root": str(tmp_path), **overrides},
        )
        made.initialize()
        return made

    return make

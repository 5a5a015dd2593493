"""The default bundle is the paper's but for its networks and its training; a test holds the copies equal."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.bundle import ConfigParser

from monai_ceph.networks import HalfResolutionUNet
from monai_ceph.predictor.bundle import default_bundle
from tests.bundles.test_configs import SHARED

DIFFERS = {
    "train": {"stage_net", "pretrained", "learning_rate", "epochs", "augmentation"},
    "train_global": {"epochs", "stage_transforms"},
    "train_local": {"stage_transforms"},
    "inference": {"stage_net", "pretrained"},
    "metadata": {"name", "changelog", "description", "references", "eval_metrics", "network_data_format"},
    "landmark_status": {"intercept", "weights", "limit", "believable", "usual", "measured"},
    "uncertainty": {
        *("weights", "intercept", "slopes", "limits", "radius", "scatter", "heatmap_share", "ellipse", "usual"),
        *("usual_off_shape", "measured"),
    },
}
"""Config -> what a bundle with other networks and another training has to say differently."""
ONLY_THERE, ONLY_HERE = {"swap_network", "paper"}, {"all_films"}


@pytest.fixture(scope="module")
def pretrained() -> Path:
    return default_bundle()


def load(bundle: Path, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((bundle / "configs" / f"{name}.json").read_text(encoding="utf-8"))
    return content


def names(bundle: Path) -> set[str]:
    return {path.stem for path in (bundle / "configs").glob("*.json")}


def test_both_bundles_have_the_same_configs(bundle: Path, pretrained: Path) -> None:
    assert names(bundle) - ONLY_THERE == names(pretrained) - ONLY_HERE


def test_configs_are_equal_but_for_networks_and_training(bundle: Path, pretrained: Path) -> None:
    for name in names(bundle) - ONLY_THERE:
        theirs, ours = load(bundle, name), load(pretrained, name)
        differing = {key for key in theirs.keys() | ours.keys() if theirs.get(key) != ours.get(key)}
        assert differing <= DIFFERS.get(name, set()), name


def test_the_table_of_uncertainty_is_of_the_weights_that_are_shipped(pretrained: Path) -> None:
    parser = ConfigParser()
    parser.read_config(str(pretrained / "configs" / "inference.json"))
    parser["bundle_root"] = str(pretrained)
    table = parser.get_parsed_content("uncertainty")
    assert table is not None, "make it again with: python -m tools.uncertainty ISBI_FOLDER WORK_FOLDER --folds ..."
    assert table.measured["held_out"] == "cross-validation"


@pytest.mark.parametrize("key", sorted({*SHARED} - {"bundle_root"}))
def test_training_and_inference_agree(pretrained: Path, key: str) -> None:
    assert load(pretrained, "train")[key] == load(pretrained, "inference")[key]


def test_prediction_needs_no_imagenet_weights(pretrained: Path) -> None:
    parser = ConfigParser()
    parser.read_config(str(pretrained / "configs" / "inference.json"))
    assert load(pretrained, "inference")["pretrained"] is False
    assert isinstance(parser.get_parsed_content("network_def").local_net, HalfResolutionUNet)


def test_a_training_from_nothing_starts_from_imagenet_and_one_that_goes_on_does_not(pretrained: Path) -> None:
    for weights, expected in ((None, True), ("model.pt", False)):
        parser = ConfigParser()
        parser.read_config(str(pretrained / "configs" / "train.json"))
        parser["init_weights"] = weights
        assert parser.get_parsed_content("pretrained") is expected


def test_the_overlay_for_all_films_holds_none_out(pretrained: Path) -> None:
    parser = ConfigParser()
    parser.read_config([str(pretrained / "configs" / f"{name}.json") for name in ("train", "train_local", "all_films")])
    parser["datalist"] = [{"film": f"{number:03d}"} for number in range(1, 151)]
    assert len(parser.get_parsed_content("train_datalist")) == 150
    assert parser["train#handlers#3"]["_target_"] == "CheckpointSaver"


def test_the_status_rule_is_of_the_weights_that_are_shipped(pretrained: Path) -> None:
    weights = hashlib.sha256((pretrained / "models" / "model.pt").read_bytes()).hexdigest()[:12]
    assert load(pretrained, "landmark_status")["measured"]["weights"] == weights, (
        f"set it again with: python tools/landmark_status.py ISBI_FOLDER --bundle {pretrained}"
    )


def test_shipped_weights_are_packed(pretrained: Path) -> None:
    state = torch.load(pretrained / "models" / "model.pt", weights_only=True)
    matrices = {value.dtype for value in state.values() if value.dim() > 1}
    assert matrices == {torch.float16}
    assert all(value.isfinite().all() for value in state.values())

"""The bundle's configs parse, agree with each other, and are what MONAI and its model zoo expect."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.bundle import ConfigParser

import monai_ceph
from monai_ceph.heatmaps import decode_argmax, decode_threshold_mean
from monai_ceph.landmarks import ISBI19
from monai_ceph.networks import TwoStageNet

SHARED = (
    "network_def",
    "stage_net",
    "landmark_scheme",
    "local_spacing_mm",
    "global_scale",
    "cpu_dtype",
    "device",
    "amp",
)
"""What training and inference both need. A bundle's configs cannot import each other, so a test holds them equal."""
OVERLAYS = {
    "train_global": "train",
    "train_local": "train",
    "multi_gpu_train": "train",
    "evaluate": "inference",
    "paper": "inference",
    "own_films": "train",
    "swap_network": "train",
    "finetune": "train",
}

READ_BY_THE_PACKAGE = ("face_shape", "landmark_status", "uncertainty")
"""JSON beside the configs that is no config."""


def load(bundle: Path, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((bundle / "configs" / f"{name}.json").read_text(encoding="utf-8"))
    return content


def parser_of(bundle: Path, *names: str) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config([str(bundle / "configs" / f"{name}.json") for name in names])
    parser["bundle_root"] = str(bundle)
    return parser


@pytest.mark.parametrize("key", SHARED)
def test_training_and_inference_agree(bundle: Path, key: str) -> None:
    assert load(bundle, "train")[key] == load(bundle, "inference")[key]


def test_training_and_inference_read_films_alike(bundle: Path) -> None:
    crop = {"_target_": "monai_ceph.transforms.CropBottomSquared", "keys": "image"}
    train, inference, paper = load(bundle, "train"), load(bundle, "inference"), load(bundle, "paper")
    assert inference["preprocessing"]["transforms"] == train["preprocessing"][:2]  # the inferer does the rest
    assert paper["preprocessing#transforms"] == [*train["preprocessing"], crop]
    assert train["validate"]["crop"] == [{**crop, "points_key": "points_px"}]
    assert [train["validate"]["postprocessing"]] == paper["postprocessing#transforms"]
    assert inference["postprocessing"]["transforms"][0] == train["validate"]["postprocessing"]


def test_the_local_stage_is_validated_as_it_is_used(bundle: Path) -> None:
    validated = parser_of(bundle, "train", "train_local").get_parsed_content("validate#film_inferer")
    used = parser_of(bundle, "inference").get_parsed_content("film_inferer")
    assert {k: v for k, v in vars(validated).items() if k != "offsets"} == {
        k: v for k, v in vars(used).items() if k != "offsets"
    }
    assert validated.offsets.tolist() == used.offsets.tolist()


def test_evaluation_scores_the_films_that_training_holds_out(bundle: Path) -> None:
    assert load(bundle, "evaluate")["validation_films"] == load(bundle, "train")["validation_films"]
    films = parser_of(bundle, "train").get_parsed_content("validation_films")
    assert films[:2] == ["006", "012"] and films[-1] == "150" and len(films) == 25


@pytest.mark.parametrize(("overlay", "base"), OVERLAYS.items())
def test_an_overlay_holds_only_what_differs(bundle: Path, overlay: str, base: str) -> None:
    content, below = load(bundle, overlay), load(bundle, base)
    # That it is the local stage is said in its overlay, whatever the default.
    assert [key for key, value in content.items() if below.get(key) == value and key != "stage"] == []
    assert ConfigParser.load_config_files([str(bundle / "configs" / f"{n}.json") for n in (base, overlay)])


def test_no_config_is_untested(bundle: Path) -> None:
    there = {path.stem for path in (bundle / "configs").glob("*.json")}
    assert there == {*OVERLAYS, "train", "inference", "metadata", *READ_BY_THE_PACKAGE}


def test_the_files_beside_the_configs_are_readable(bundle: Path) -> None:
    parser = parser_of(bundle, "inference")
    shape, rule = parser.get_parsed_content("face_shape"), parser.get_parsed_content("status_rule")
    assert shape.symbols == ISBI19.symbols and 0 < rule.believable < 1 and 0 < rule.limit < 1
    assert parser.get_parsed_content("any_film_inferer").search.believable == rule.believable


def test_the_table_of_uncertainty_is_of_the_weights_that_are_shipped(bundle: Path) -> None:
    table = parser_of(bundle, "inference").get_parsed_content("uncertainty")
    assert table is not None, "make it again with: python -m tools.uncertainty ISBI_FOLDER"


def test_the_status_rule_is_of_the_weights_that_are_shipped(bundle: Path) -> None:
    rule = parser_of(bundle, "inference").get_parsed_content("status_rule")
    weights = hashlib.sha256((bundle / "models" / "model.pt").read_bytes()).hexdigest()[:12]
    assert rule.measured["weights"] == weights, "set it again with: python tools/landmark_status.py ISBI_FOLDER"


def test_several_gpus_run_what_one_runs(bundle: Path) -> None:
    one, several = load(bundle, "train"), load(bundle, "multi_gpu_train")
    assert [step for step in several["run"] if "sampler" not in step] == one["run"]
    assert several["initialize"][-len(one["initialize"]) :] == one["initialize"]
    assert several["train#handlers#0#seed"].startswith("$" + one["train"]["handlers"][0]["seed"])
    # The handlers that only the first process has are the last two: what is printed and what is plotted.
    assert [h["_target_"] for h in one["train"]["handlers"][-2:]] == ["StatsHandler", "TensorBoardStatsHandler"]


def test_finetuning_validates_nothing_and_resumes_nothing(bundle: Path) -> None:
    """Its one place by number is that of the validation; what it runs is what training runs, without going on."""
    one, fine = load(bundle, "train"), load(bundle, "finetune")
    assert one["train"]["handlers"][3]["_target_"] == fine["train#handlers#3"]["_target_"] == "ValidationHandler"
    assert fine["run"] == [step for step in one["run"] if "load" not in step and "resume" not in step]


def test_the_papers_inference(bundle: Path) -> None:
    inferer = parser_of(bundle, "inference", "paper").get_parsed_content("film_inferer")
    assert (inferer.patch_size, inferer.merge, inferer.guide_sigma_px, inferer.global_scale) == (125, "all", None, 0.3)
    assert inferer.offsets.tolist() == [[0, 0], [-50, -50], [-50, 50], [50, -50], [50, 50]]
    assert inferer.coarse_decoder is decode_argmax and inferer.decoder is decode_threshold_mean
    assert parser_of(bundle, "inference", "paper").get_parsed_content("inferer").inferer.merge == "all"  # no search


@pytest.mark.parametrize("base", ["train", "inference"])
def test_another_network_takes_the_place_of_both_stages(bundle: Path, base: str) -> None:
    network = parser_of(bundle, base, "swap_network").get_parsed_content("network_def")
    assert isinstance(network, TwoStageNet)
    assert type(network.global_net.network).__name__ == type(network.local_net.network).__name__ == "AttentionUnet"


def test_another_network_takes_a_film_at_the_global_stage_s_scale(bundle: Path) -> None:
    """A film of 1935 x 2400 px is 290 px square there: no multiple of 8."""
    network = parser_of(bundle, "inference", "swap_network").get_parsed_content("network_def").eval()
    with torch.no_grad():
        assert network(torch.zeros(1, 1, 290, 290)).shape == (1, len(ISBI19) + 1, 290, 290)


def test_inference_folds_its_network(bundle: Path) -> None:
    parser = parser_of(bundle, "inference")
    names = {name for name, _ in parser.get_parsed_content("network").named_parameters()}
    assert any(".conv." in name for name in names) and not any(".adn.N." in name for name in names)


@pytest.mark.parametrize("stage", ["train_global", "train_local"])
def test_the_last_epoch_is_validated_and_kept(bundle: Path, stage: str) -> None:
    settings = {**load(bundle, "train"), **load(bundle, stage)}
    assert settings["epochs"] % settings["val_interval"] == 0
    assert settings["epochs"] % settings["checkpoint_interval"] == 0


def test_metadata(bundle: Path) -> None:
    metadata = load(bundle, "metadata")
    assert metadata["version"] == monai_ceph.__version__ == metadata["required_packages_version"]["monai-ceph"]
    assert metadata["version"] in metadata["changelog"]
    channels = metadata["network_data_format"]["outputs"]["pred"]["channel_def"]
    assert [channels[str(k)].split(":")[0] for k in range(len(ISBI19))] == list(ISBI19.symbols)
    assert channels[str(len(ISBI19))] == "background"


def test_metadata_names_the_versions_that_are_tested(bundle: Path, repository: Path) -> None:
    lines = (repository / "constraints" / "test.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    metadata = load(bundle, "metadata")
    named = {**metadata["required_packages_version"], "monai": metadata["monai_version"]}
    named |= {"torch": metadata["pytorch_version"], "numpy": metadata["numpy_version"]}
    named.pop("monai-ceph")
    assert {name: pinned[name].split("+")[0] for name in named} == named


def test_bundle_and_project_have_one_licence(bundle: Path, repository: Path) -> None:
    assert (bundle / "LICENSE").read_bytes() == (repository / "LICENSE").read_bytes()


def test_readme_commands_name_configs_that_exist(bundle: Path) -> None:
    text = (bundle / "docs" / "README.md").read_text(encoding="utf-8")
    named = {
        part.split("/configs/")[1] for part in text.replace("'", " ").replace("]", " ").split() if "/configs/" in part
    }
    assert {"train.json", "train_global.json", "train_local.json", "inference.json", "evaluate.json"} <= named
    assert [name for name in named if not (bundle / "configs" / name.strip("`,")).is_file()] == []

"""Each model made of MONAI's parts, trained for seconds on three tiny films."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from monai.transforms import Compose, SelectItemsd

from benchmarks.models import coordinate_regression, global_stage, one_stage_512, two_stage, whole_film
from benchmarks.models.common import Job, Predictor, Training
from benchmarks.models.registry import MODELS
from monai_ceph.formats.annotations import read_annotations
from monai_ceph.geometry import array_to_film, film_to_array
from monai_ceph.heatmaps import decode_soft_centroid
from monai_ceph.networks import set_background_prior
from monai_ceph.phantoms import write_phantoms
from monai_ceph.predictor.bundle import paper_bundle
from tests.bundles.tiny import SPACING_MM, TINY

SIZE = (323, 400)
SMALL = {key: TINY[key] for key in ("local_spacing_mm", "stage_net#features", "patch_size")}
STAGES = {"global": {**SMALL, "patch_size": 96}, "local": SMALL, "inference": SMALL}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("films")
    paths = write_phantoms(folder, 3, seed=1, size=SIZE, spacing_mm=SPACING_MM)
    points = read_annotations(folder / "points.csv").points_px
    return [{"image": str(path), "points_px": points[path.stem].tolist()} for path in paths]


@pytest.fixture
def job(films: list[dict[str, Any]], tmp_path: Path) -> Job:
    return Job("train", films, films, SPACING_MM, minutes=0.02, work_dir=tmp_path, options={"overrides": STAGES})


@pytest.fixture(autouse=True)
def _few_runs(training_process: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_stage, "WARM_UP", 1)
    monkeypatch.setattr(two_stage, "TIMED", 2)


def points_of(predictor: Predictor, film: dict[str, Any]) -> np.ndarray:
    with torch.inference_mode():
        points, _ = predictor.locate(predictor.read(film["image"]))
    assert points.shape == (19, 2)
    return points


def check(training: Training, predictor: Predictor, job: Job) -> None:
    assert 0 < training.training_minutes < 10 * job.minutes
    assert training.iterations >= 1 and training.films_seen >= training.iterations
    points = points_of(predictor, job.predict[0])
    assert np.isfinite(points).all()
    assert ((points > -20) & (points < np.array(SIZE) + 20)).all()


def test_two_stages_train_and_predict(job: Job) -> None:
    training = two_stage.train(job)
    check(training, two_stage.load(job), job)
    assert training.remarks.endswith("averaged weights")
    state = torch.load(job.work_dir / "model.pt", weights_only=True)
    stages = [v.numel() for k, v in state.items() if k.endswith(("weight", "bias"))]
    assert training.parameters == sum(stages)


def test_global_stage_trains_and_predicts(job: Job) -> None:
    check(global_stage.train(job), global_stage.load(job), job)


def test_global_stage_is_used_as_in_the_bundles_validation() -> None:
    config = json.loads((paper_bundle() / "configs" / "train_global.json").read_text(encoding="utf-8"))
    assert config["validate#film_inferer"] == global_stage.INFERER


def test_one_stage_trains_and_predicts(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_stage_512, "LONGEST_PX", 128)
    check(one_stage_512.train(job), one_stage_512.load(job), job)


def test_coordinate_regression_trains_and_predicts(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinate_regression, "SIDE_PX", 128)
    monkeypatch.setattr(coordinate_regression, "BATCH", 2)
    check(coordinate_regression.train(job), coordinate_regression.load(job), job)


def test_coordinate_regression_starts_at_the_mean_film(job: Job) -> None:
    """The untrained heads predict the mean shape, in film pixels."""
    film = job.predict[0]
    read = Compose(coordinate_regression._reading())({"image": film["image"]})
    points = torch.tensor(film["points_px"], dtype=torch.float64)
    network = coordinate_regression._network().eval()
    network.start_at(film_to_array(points, read["image"].affine).float())
    torch.save(network.state_dict(), job.work_dir / "model.pt")
    got = points_of(coordinate_regression.load(job), film)
    assert np.abs(got - points.numpy()).max() < 3


def test_heatmaps_of_the_one_stage_model_are_at_the_points(films: list[dict[str, Any]]) -> None:
    """After resizing, GenerateHeatmapd and augmentation, back in the film; half a pixel of 512 is rounding."""
    moved = Compose(
        [
            *whole_film.reading(one_stage_512.LONGEST_PX),
            one_stage_512._Heatmaps(),
            SelectItemsd(keys=["image", "label"]),
            *whole_film.augmentation(["image", "label"], one_stage_512.LONGEST_PX),
        ]
    ).set_random_state(seed=3)(films[0] | {"points_px": np.array(films[0]["points_px"], dtype=np.float32)})
    found = array_to_film(decode_soft_centroid(moved["label"].as_tensor()), moved["image"].affine).numpy()
    off = np.abs(found - np.array(films[0]["points_px"]))
    assert off.max() < 0.75 * SIZE[1] / one_stage_512.LONGEST_PX
    turn = moved["image"].affine[:2, :2].numpy()
    assert abs(turn[0, 1]) > 0.01  # otherwise the film was not rotated and the test is void


def test_one_cycle_matches_torch() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    steps = 1001
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=steps, pct_start=0.1)
    expected = []
    for _ in range(steps):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(expected) < steps:
            schedule.step()
    got = [whole_film.one_cycle(k / (steps - 1)) for k in range(steps)]
    np.testing.assert_allclose(got, expected, atol=0.01)  # torch counts the warm-up one step shorter


@pytest.mark.parametrize(
    ("seconds", "batch", "epochs"),
    [
        (4000, 8, 267),  # 4000 iterations fit, so the shipped batch stays: 15 iterations per epoch
        (500, 4, 32),  # 500 iterations of 8 films are fewer than 600, so 1000 of 4
        (1, 2, 1),  # nothing fits, so the smallest batch and one epoch
    ],
)
def test_batch_is_halved_until_enough_iterations_fit(seconds: float, batch: int, epochs: int) -> None:
    assert two_stage.plan(seconds, 125, 8, lambda films: films / 8) == (batch, epochs)


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.program == "two_stage"])
def test_every_stage_network_accepts_a_film_and_starts_with_background(name: str, repository: Path) -> None:
    if name == "swin_unetr":
        pytest.importorskip("einops")
    overlay, bundle = (MODELS[name].options.get(option) for option in ("overlay", "bundle"))
    parser = ConfigParser()
    shipped = str((repository / bundle if bundle else paper_bundle()) / "configs" / "inference.json")
    parser.read_config([shipped, str(repository / overlay)] if overlay else shipped)
    network = parser.get_parsed_content("network_def").eval()
    set_background_prior(network)
    with torch.inference_mode():
        heatmaps = network(torch.zeros(1, 1, 290, 290))
    assert heatmaps.shape == (1, 20, 290, 290)
    assert heatmaps[:, -1].mean() > 0.8


def test_every_program_of_the_registry_exists(repository: Path) -> None:
    for model in MODELS.values():
        assert (repository / "benchmarks" / "models" / f"{model.program}.py").is_file()

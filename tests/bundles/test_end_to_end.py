"""Films in, scores out: the four commands of the README on phantoms, and what a user may change in them."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import itk
import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow

from monai_ceph.cli import main
from monai_ceph.formats.annotations import read_annotations
from monai_ceph.landmarks import ISBI19, LandmarkScheme, get_scheme
from monai_ceph.phantoms import draw_phantom
from tests.bundles.tiny import SPACING_MM, TINY, TINY_TRAINING

GLOBAL: dict[str, Any] = {**TINY_TRAINING, "patch_size": 96}
LOCAL: dict[str, Any] = TINY_TRAINING


def train_both(workflow: Callable[..., ConfigWorkflow], overlays: list[str], **overrides: Any) -> None:
    workflow(["train", "train_global", *overlays], **{**GLOBAL, **overrides}).run()
    workflow(["train", "train_local", *overlays], **{**LOCAL, **overrides}).run()


def score(workflow: Callable[..., ConfigWorkflow], overlays: list[str], **overrides: Any) -> dict[str, Any]:
    made = workflow(["inference", "evaluate", *overlays], "infer", **{**TINY, **overrides})
    made.run()
    metrics: dict[str, Any] = made.parser.get_parsed_content("evaluator").state.metrics
    return metrics


def films_of(table: Path) -> list[str]:
    with table.open(newline="", encoding="utf-8") as file:
        return sorted({row["image"] for row in csv.DictReader(file)})


@pytest.mark.slow
def test_the_four_commands_of_the_readme(bundle: Path, phantoms: Path, tmp_path: Path, repository: Path) -> None:
    """Stock ``python -m monai.bundle run`` in its own process each, from a folder that is not the project's."""

    def command(configs: list[str], **options: Any) -> None:
        files = [str(bundle / "configs" / f"{name}.json") for name in [*configs, "own_films"]]
        given = {"bundle_root": tmp_path / "bundle", "dataset_dir": phantoms, **options}
        arguments = [text for key, value in given.items() for text in (f"--{key}", str(value))]
        path = os.pathsep.join([str(repository), os.environ.get("PYTHONPATH", "")])
        call = [sys.executable, "-m", "monai.bundle", "run", "--config_file", str(files), *arguments]
        environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(call, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]

    command(["train", "train_global"], **GLOBAL)
    after_global = torch.load(tmp_path / "bundle" / "models" / "model.pt", weights_only=True)
    command(["train", "train_local"], **LOCAL)
    after_local = torch.load(tmp_path / "bundle" / "models" / "model.pt", weights_only=True)
    weights = [key for key in after_global if key.endswith("weight")]
    # Not bitwise: the moving average of a constant is rounded at each step.
    kept = {key for key in weights if torch.allclose(after_global[key], after_local[key], rtol=1e-5, atol=1e-6)}
    assert kept == {key for key in weights if key.startswith("global_net.")}

    command(["inference"], **TINY)
    command(["inference", "evaluate"], **TINY)
    tables = [tmp_path / "bundle" / folder / "landmarks.csv" for folder in ("eval", "evaluation")]
    assert films_of(tables[0]) == [f"phantom_00{k}.png" for k in range(4)]
    assert tables[0].read_text() == tables[1].read_text()
    for stage in ("global", "local"):
        assert list((tmp_path / "bundle" / "runs" / stage).glob("events.out.tfevents.*"))


def test_landmarks_are_learned_and_scored(
    workflow: Callable[..., ConfigWorkflow], phantoms: Path, tmp_path: Path
) -> None:
    """The engine's figure is the mean distance between its table and the truth, computed here by itself."""
    train_both(workflow, ["own_films"], dataset_dir=str(phantoms))
    metrics = score(workflow, ["own_films"], dataset_dir=str(phantoms))
    found = read_annotations(tmp_path / "evaluation" / "landmarks.csv").points_px
    truth = read_annotations(phantoms / "points.csv").points_px
    errors = [np.linalg.norm(found[film] - truth[film], axis=1) * SPACING_MM for film in truth]
    assert len(errors) == 4
    assert float(metrics["MRE_mm"]) == pytest.approx(np.mean(errors), abs=2e-3)
    assert float(metrics["SDR_2mm"]) == pytest.approx(np.mean(np.array(errors) <= 2.0), abs=1e-6)


def test_bundle_and_command_line_give_the_same_figures(
    workflow: Callable[..., ConfigWorkflow], phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All figures and intervals, from the engine and from the table that it wrote."""
    untrained = workflow(["inference", "evaluate", "own_films"], "infer", **TINY, dataset_dir=str(phantoms))
    (tmp_path / "models").mkdir()
    torch.manual_seed(0)
    torch.save(untrained.parser.get_parsed_content("network_def").state_dict(), tmp_path / "models" / "model.pt")
    # Whole pixels, as people annotate: float32, in which the engine has them, holds these exactly.
    references = [tmp_path / "anna.csv", tmp_path / "bert.csv"]
    for reference, shift in zip(references, (0, 3), strict=True):
        rows = [line.split(",") for line in (phantoms / "points.csv").read_text().splitlines()]
        moved = [[r[0], r[1], *(str(round(float(v)) + shift) for v in r[2:4])] for r in rows[1:] if r[1:2] != ["Ar"]]
        reference.write_text("\n".join(map(",".join, [["image", "landmark", "x_px", "y_px"], *moved])) + "\n")
    options = {"dataset_dir": str(phantoms), "references": [str(path) for path in references]}
    score(workflow, ["own_films"], **options)
    printed = capsys.readouterr().out
    folder = tmp_path / "evaluation"
    arguments = [str(folder / "landmarks.csv"), *map(str, references), "--spacing", str(SPACING_MM)]
    targets = {"--json": "scores.json", "--csv": "errors.csv", "--summary": "summary.csv"}
    for option, name in targets.items():
        arguments += [option, str(tmp_path / name)]
    assert main(["evaluate", *arguments]) == 0

    engine, command = (json.loads((path / "scores.json").read_text()) for path in (folder, tmp_path))
    for name in ("films", "overall", "per_landmark", "intervals", "missing_landmarks"):
        assert engine["comparisons"][0][name] == command["comparisons"][0][name], name
    assert engine["comparisons"][0]["overall"]["n"] == 4 * 18
    assert engine["spacing_mm"] == command["spacing_mm"] == [SPACING_MM, SPACING_MM]
    tables = [list(csv.DictReader((path / "errors.csv").open(newline=""))) for path in (folder, tmp_path)]
    assert [{**row, "reference": ""} for row in tables[0]] == [{**row, "reference": ""} for row in tables[1]]
    rows = {line for line in capsys.readouterr().out.splitlines() if line[:3] in ("all", "S  ", "Po ", "Pog")}
    assert rows and rows & set(printed.splitlines())


@pytest.mark.parametrize("stage", ["train_global", "train_local"])
def test_a_batch_is_of_plain_tensors(workflow: Callable[..., ConfigWorkflow], phantoms: Path, stage: str) -> None:
    """A MetaTensor keeps its books at every operation of the network, which takes a quarter of a training step."""
    settings = {**(GLOBAL if stage == "train_global" else LOCAL), "init_weights": None, "dataset_dir": str(phantoms)}
    made = workflow(["train", stage, "own_films"], **settings)
    batch = next(iter(made.parser.get_parsed_content("train#dataloader")))
    assert {key: type(value) for key, value in batch.items()} == {"image": torch.Tensor, "label": torch.Tensor}


def test_five_landmarks_of_ones_own(workflow: Callable[..., ConfigWorkflow], tmp_path: Path) -> None:
    symbols = ("N", "S", "Me", "Go", "A")
    scheme = tmp_path / "five.json"
    scheme.write_text(json.dumps({"name": "five", "landmarks": [{"symbol": symbol} for symbol in symbols]}))
    films = tmp_path / "films"
    write_films(films, ["a", "b", "c"], get_scheme(scheme))
    options = {"dataset_dir": str(films), "scheme": str(scheme), "validation_films": ["c"]}
    train_both(workflow, ["own_films"], **options)
    metrics = score(workflow, ["own_films"], **{k: v for k, v in options.items() if k != "validation_films"})
    assert np.isfinite(float(metrics["MRE_mm"]))
    with (tmp_path / "evaluation" / "landmarks.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["landmark"] for row in rows] == [*symbols] * 3
    state = torch.load(tmp_path / "models" / "model.pt", weights_only=True)
    assert state["local_net.final_conv.weight"].shape[0] == len(symbols) + 1
    with pytest.raises(RuntimeError) as refused:  # MONAI wraps it
        score(workflow, ["own_films"], dataset_dir=str(films))
    assert "the weights are for the landmarks 'N S Me Go A'" in str(refused.getrepr(chain=True))


def test_another_network_trains_and_predicts(
    workflow: Callable[..., ConfigWorkflow], phantoms: Path, tmp_path: Path
) -> None:
    def without_features(settings: dict[str, Any]) -> dict[str, Any]:
        small = {"stage_net#network#channels": [4, 8, 8, 8], "dataset_dir": str(phantoms)}
        return {key: value for key, value in settings.items() if not key.startswith("stage_net")} | small

    for stage, settings in (("global", GLOBAL), ("local", LOCAL)):
        workflow(
            ["train", f"train_{stage}", "own_films", "swap_network"], **without_features({**settings, "epochs": 1})
        ).run()
    workflow(["inference", "own_films", "swap_network"], "infer", **without_features(TINY)).run()
    assert len(films_of(tmp_path / "eval" / "landmarks.csv")) == 4


def test_the_papers_inference_runs(workflow: Callable[..., ConfigWorkflow], phantoms: Path, tmp_path: Path) -> None:
    made = workflow(["inference", "own_films", "paper"], "infer", **{**TINY, "dataset_dir": str(phantoms)})
    (tmp_path / "models").mkdir()
    torch.save(made.parser.get_parsed_content("network_def").state_dict(), tmp_path / "models" / "model.pt")
    made.run()
    assert len(films_of(tmp_path / "eval" / "landmarks.csv")) == 4


@pytest.mark.parametrize("layout", ["official", "copies"])
def test_either_layout_of_isbi2015_trains(workflow: Callable[..., ConfigWorkflow], tmp_path: Path, layout: str) -> None:
    root = tmp_path / layout
    names = ["001", "002", "006"]
    folder = root / ("RawImage/TrainingData" if layout == "official" else "cepha400")
    points = write_films(folder, names, ISBI19, ".bmp" if layout == "official" else ".jpg")
    (folder / "points.csv").unlink()
    header = "image_path," + ",".join(f"{k}_x,{k}_y" for k in range(1, len(ISBI19) + 1))
    for observer in ("senior", "junior"):
        if layout == "official":
            texts = root / "AnnotationsByMD" / f"400_{observer}"
            texts.mkdir(parents=True)
            for name in names:
                (texts / f"{name}.txt").write_text("".join(f"{x:.0f},{y:.0f}\n" for x, y in points[name]) + "1\n" * 8)
        else:
            lines = [f"{name}.jpg," + ",".join(f"{v:.0f}" for v in points[name].ravel()) for name in names]
            (root / f"train_{observer}.csv").write_text("\n".join([header, *lines]))
    options = {"dataset_dir": str(root), "epochs": 1}
    options["validation_films"] = "$[f'{film:03d}' for film in range(6, 151, 6)]"  # as shipped
    workflow(["train", "train_global"], **{**GLOBAL, **options}).run()
    metrics = score(workflow, [], dataset_dir=str(root), validation_films=["006"])
    assert np.isfinite(float(metrics["MRE_mm"]))
    assert [Path(name).stem for name in films_of(tmp_path / "evaluation" / "landmarks.csv")] == ["006"]


@pytest.mark.slow
def test_two_processes_train_together(bundle: Path, phantoms: Path, tmp_path: Path, repository: Path) -> None:
    """gloo on the CPU; the same config takes nccl where there are GPUs."""
    names = ("train", "train_global", "own_films", "multi_gpu_train")
    files = [str(bundle / "configs" / f"{name}.json") for name in names]
    options = {**GLOBAL, "films_per_batch": 1, "validation_films": ["phantom_002", "phantom_003"]}
    del options["device"]
    if torch.cuda.is_available():
        pytest.skip("nccl does not let two processes share this machine's GPU; gloo is what is tested")
    given = {"bundle_root": tmp_path, "dataset_dir": phantoms, **options}
    call = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    call += ["-m", "monai.bundle", "run", "--config_file", str(files)]
    call += [text for key, value in given.items() for text in (f"--{key}", str(value))]
    path = os.pathsep.join([str(repository), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(call, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    last = torch.load(tmp_path / "runs" / "global" / "last_checkpoint_epoch=2.pt", weights_only=True)
    # Two films in batches of one, shared by two processes: one step an epoch.
    assert last["trainer"]["iteration"] == 2
    # What the several processes saved, one process loads: no "module." in its names.
    assert not [key for key in last["network"] if "module." in key]
    assert (tmp_path / "models" / "model.pt").is_file()


def write_films(folder: Path, names: list[str], scheme: LandmarkScheme, suffix: str = ".png") -> dict[str, np.ndarray]:
    """Phantoms under given names, and their points, also as points.csv."""
    folder.mkdir(parents=True)
    points = {}
    lines = ["image,landmark,x_px,y_px,x_mm,y_mm,confidence"]
    for seed, name in enumerate(names):
        phantom = draw_phantom(seed, (323, 400), SPACING_MM, scheme=scheme)
        itk.imwrite(itk.image_from_array(np.ascontiguousarray(phantom.image.T)), str(folder / f"{name}{suffix}"))
        points[name] = phantom.points_px
        for symbol, (x, y) in zip(scheme.symbols, phantom.points_px, strict=True):
            lines.append(f"{name}{suffix},{symbol},{x:.3f},{y:.3f},,,")
    (folder / "points.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return points

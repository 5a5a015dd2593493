"""Fine-tuning a tiny bundle: held-out films, settings of the training, and the weights in use afterwards."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filelock import FileLock
from monai.bundle import ConfigParser, ConfigWorkflow
from monai.utils import get_seed, set_determinism

from monai_ceph.data.film_list import read_film_list
from monai_ceph.finetuning import finetune as module
from monai_ceph.finetuning.finetune import finetune
from monai_ceph.finetuning.held_out import FEWEST, hold_out
from monai_ceph.finetuning.replace_weights import KEPT, replace_weights
from monai_ceph.finetuning.runs import Stage, TrainingError, latest
from monai_ceph.finetuning.stage import weights_check
from monai_ceph.formats.annotations import read_annotations
from monai_ceph.phantoms import write_phantoms
from monai_ceph.predictor.torch_predictor import load_torch_predictor
from tests.bundles.tiny import SPACING_MM
from tests.tiny_bundle import add_finetuning, make_bundle

pytestmark = pytest.mark.usefixtures("training_process")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("scans") / "films #1"
    paths = write_phantoms(folder, 6, 1, (323, 400), SPACING_MM)
    points = read_annotations(folder / "points.csv").points_px
    return [{"image": path, "film": path.stem, "points_px": points[path.stem]} for path in paths]


@pytest.fixture
def bundle(shipped_bundle: Path, tmp_path: Path) -> Path:
    """A tiny bundle with its own finetune.json; its path holds characters that have a meaning in MONAI's configs."""
    made = make_bundle(shipped_bundle, tmp_path / "a #1 @b $c %d")
    add_finetuning(shipped_bundle, made)
    return made


def change_inference(bundle: Path, **changes: Any) -> dict[str, Any]:
    path = bundle / "configs" / "inference.json"
    config = {**json.loads(path.read_text(encoding="utf-8")), **changes}
    path.write_text(json.dumps(config), encoding="utf-8")
    return config


def weights(bundle: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(bundle / "models" / "model.pt", weights_only=True)
    return state


def changed(old: dict[str, torch.Tensor], new: dict[str, torch.Tensor]) -> set[str]:
    """Return the networks whose weights differ by more than the rounding error of the moving average."""
    return {name.split(".")[0] for name in old if not torch.allclose(old[name], new[name], rtol=1e-5, atol=1e-7)}


def fixed_errors(monkeypatch: pytest.MonkeyPatch, *errors: float) -> None:
    left = iter(errors)
    monkeypatch.setattr(
        module, "held_out_errors", lambda predictor, items: (np.full((len(items), 19), next(left)), "mm", 45.0)
    )


# --- what is trained and swapped in ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stages", "nets"),
    [(["local"], {"local_net"}), (["global"], {"global_net"}), (["local", "global"], {"local_net", "global_net"})],
)
def test_only_the_requested_stages_change(
    bundle: Path, films: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, stages: Any, nets: set[str]
) -> None:
    fixed_errors(monkeypatch, 2.0, 2.0)
    old = weights(bundle)
    result = finetune(bundle, films, stages=stages, spacing_mm=SPACING_MM, device="cpu")
    assert result.replaced and result.stages == tuple(stage for stage in ("global", "local") if stage in stages)
    assert changed(old, weights(bundle)) == nets
    assert result.previous is not None
    assert changed(old, torch.load(result.previous, weights_only=True)) == set()


def test_worse_weights_are_rejected(
    bundle: Path, films: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fixed_errors(monkeypatch, 2.0, 2.001)
    before = (bundle / "models" / "model.pt").read_bytes()
    result = finetune(bundle, films, spacing_mm=SPACING_MM, device="cpu")
    assert capsys.readouterr().out == ""
    assert result.to_frame()["error"].to_dict() == pytest.approx({"before": 2.0, "after": 2.001})
    assert not result.replaced and result.previous is None
    assert (bundle / "models" / "model.pt").read_bytes() == before
    assert [path.name for path in (bundle / "models").iterdir()] == ["model.pt"]
    assert not list(result.run.rglob("*.pt"))
    assert "went from 2.000 to 2.001 mm (median from 2.000 to 2.001): the old weights stay" in str(result)


def test_errors_are_those_of_the_predictor_on_the_held_out_films(bundle: Path, films: list[dict[str, Any]]) -> None:
    """The oracle is the mean distance over all labelled landmarks, computed here from the predicted points."""
    labelled = np.arange(19)[:, None] >= 4
    partial = [{**item, "points_px": np.where(labelled, item["points_px"], np.nan)} for item in films]
    errors = {}

    def mean_error(held_out: tuple[str, ...]) -> float:
        predictor = load_torch_predictor(bundle, SPACING_MM, "cpu")
        validation = [item for item in films if item["film"] in held_out]
        predicted = [predictor.predict(predictor.load(item["image"])).points_px[4:] for item in validation]
        true = [item["points_px"][4:] for item in validation]
        return float(np.linalg.norm(np.stack(predicted) - np.stack(true), axis=-1).mean() * SPACING_MM)

    held_out = tuple(hold_out([item["film"] for item in films], (), ()))
    errors["before"] = mean_error(held_out)
    result = finetune(bundle, partial, spacing_mm=SPACING_MM, device="cpu")
    assert result.held_out == held_out and len(result.trained) == 5
    assert result.before.error == pytest.approx(errors["before"], abs=1e-3) and result.before.unit == "mm"
    in_use = result.after if result.replaced else result.before
    assert mean_error(held_out) == pytest.approx(in_use.error, abs=1e-3)
    assert result.left_out == ()
    assert json.loads(json.dumps(result.as_json())) == json.loads((result.run / "result.json").read_text())


def test_error_on_films_without_a_spacing_is_in_px(bundle: Path, films: list[dict[str, Any]]) -> None:
    change_inference(bundle, local_spacing_mm=0.1)  # the spacing assumed for such films, which keep their size
    result = finetune(bundle, films, device="cpu")
    assert (result.before.unit, result.before.within_2mm) == ("px", None)


def test_training_uses_the_bundles_network_and_spacing(
    bundle: Path, films: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """inference.json has instance norm and 0.7 mm, unlike the shipped train.json."""
    net = json.loads((bundle / "configs" / "inference.json").read_text())["stage_net"]
    net["norm"] = ["instance", {"affine": True}]
    config = change_inference(bundle, local_spacing_mm=0.7, global_scale=0.5, stage_net=net)
    parser = ConfigParser(config)
    torch.save(parser.get_parsed_content("network_def").state_dict(), bundle / "models" / "model.pt")
    seen = []
    run = ConfigWorkflow.run
    monkeypatch.setattr(ConfigWorkflow, "run", lambda self: (seen.append(self.parser), run(self))[1])
    finetune(bundle, films, stages=["global"], spacing_mm=SPACING_MM, device="cpu")
    got = {key: seen[0].get_parsed_content(key) for key in ("local_spacing_mm", "global_scale", "global_spacing_mm")}
    assert got == {"local_spacing_mm": 0.7, "global_scale": 0.5, "global_spacing_mm": 1.4}


def test_films_of_the_replay_set_keep_their_spacing(
    bundle: Path, films: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    fixed_errors(monkeypatch, 2.0, 1.0)
    replay = [{**films[0], "film": "old", "spacing_mm": 0.5}]
    result = finetune(bundle, films[1:], replay=replay, spacing_mm=SPACING_MM, device="cpu")
    listed = {item["film"]: item for item in read_film_list(result.run / "films.json")}
    assert (listed["old"]["part"], listed["old"]["spacing_mm"], result.replay) == ("base", 0.5, 1)
    assert {item["spacing_mm"] for film, item in listed.items() if film != "old"} == {SPACING_MM}


def test_progress_and_result_can_be_read_from_files(
    bundle: Path, films: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert latest(bundle) == ({}, {})
    fixed_errors(monkeypatch, 2.0, 1.0)
    lines: list[str] = []
    stages: list[Stage] = ["local", "global"]
    finetune(bundle, films, stages=stages, epochs=2, spacing_mm=SPACING_MM, device="cpu", tell=lines.append)
    assert [line.split(",")[0] for line in lines[1:-1]] == [
        f"{stage} stage: epoch   {epoch} of 2" for stage in ("global", "local") for epoch in (1, 2)
    ]
    progress, result = latest(bundle)
    assert (progress["stage"], progress["epoch"], progress["total_epochs"]) == ("local", 4, 4)
    assert (result["after"]["error"], result["run"]) == (1.0, progress["run"])


def test_training_that_was_stopped_at_any_moment_is_looked_at_without_an_error(bundle: Path) -> None:
    runs = bundle / "runs" / "finetune"
    for name, content in {"1": {"run": "1"}, "2": {"run": "2", "seconds": 3}}.items():
        (runs / name).mkdir(parents=True)
        (runs / name / "films.json").write_text("{}")
        (runs / name / "progress.json").write_text(json.dumps({"run": name}))
        (runs / name / "result.json").write_text(json.dumps(content))
    (runs / "3").mkdir()
    (runs / "3" / "films.json").write_text("{}")  # before its first epoch
    assert latest(bundle) == ({}, {"run": "2", "seconds": 3})
    (runs / "3" / "progress.json").write_text('{"run": ')
    (runs / "2" / "result.json").write_bytes(b"\xff")
    assert latest(bundle) == ({}, {"run": "1"})


def test_label_on_the_wrong_spot_does_not_decide(
    bundle: Path, films: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mean falls from 66 to 65 px because of one label, while all other errors grow."""
    before, after = np.full((1, 19), 1.2), np.full((1, 19), 1.3)
    before[0, 4], after[0, 4] = 1200.0, 1190.0
    errors = iter([before, after])
    monkeypatch.setattr(module, "held_out_errors", lambda *_: (next(errors), "mm", 45.0))
    result = finetune(bundle, films, spacing_mm=SPACING_MM, device="cpu")
    assert not result.replaced
    assert result.left_out == (f"{result.held_out[0]} A (1190 mm)",)
    assert (result.before.error, result.after.median) == (pytest.approx(1.2), 1.3)
    assert str(result).endswith(f"check these labels, which were left out: {result.left_out[0]}")


def test_random_state_and_cudnn_flags_are_restored(
    bundle: Path, films: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    fixed_errors(monkeypatch, 2.0, 1.0)
    set_determinism(7)
    torch.backends.cudnn.deterministic = False
    random.seed(1)
    finetune(bundle, films, spacing_mm=SPACING_MM, device="cpu")
    assert (get_seed(), torch.initial_seed(), torch.backends.cudnn.deterministic) == (7, 7, False)
    assert (random.random(), np.random.rand()) == (random.Random(1).random(), np.random.RandomState(7).rand())


# --- held-out films --------------------------------------------------------------------------------------------------


def test_held_out_film_stays_held_out(
    bundle: Path, films: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    fixed_errors(monkeypatch, 3.0, 2.0, 2.0, 1.0)
    first = finetune(bundle, films[:5], spacing_mm=SPACING_MM, device="cpu")
    second = finetune(bundle, films, spacing_mm=SPACING_MM, device="cpu")
    assert first.held_out == second.held_out and set(first.trained) < set(second.trained)


def test_about_a_fifth_is_held_out_and_never_changes_sides() -> None:
    names = [f"film {k}" for k in range(60)]
    held: set[str] = set()
    trained: set[str] = set()
    for count in range(FEWEST, 61):
        now = set(hold_out(names[:count], held, trained))
        assert held <= now and not now & trained
        assert len(now) == max(1, round(count / 5))
        held, trained = now, set(names[:count]) - now


@pytest.mark.parametrize(
    ("films", "held", "trained", "message"),
    [
        ("abcd", "", "", "4 films have a label; label at least 5 before training"),
        ("abcde", "", "abcde", "All labelled films were trained on before; label at least one more to validate on"),
        ("abcde", "abcdef", "", "All 5 labelled films are held out; label at least one more to train on"),
    ],
)
def test_too_few_films(films: str, held: str, trained: str, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        hold_out(list(films), held, trained)


def test_film_without_any_landmark_is_not_labelled(bundle: Path, films: list[dict[str, Any]]) -> None:
    empty = {**films[0], "points_px": np.full((19, 2), np.nan)}
    with pytest.raises(TrainingError, match="4 films have a label; label at least 5"):
        finetune(bundle, [*films[:4], {**empty, "film": "e"}], spacing_mm=SPACING_MM, device="cpu")


# --- errors ----------------------------------------------------------------------------------------------------------


def test_nonfinite_loss_keeps_the_old_weights(bundle: Path, films: list[dict[str, Any]], shipped_bundle: Path) -> None:
    add_finetuning(shipped_bundle, bundle, learning_rate=1e30, warmup=0.9, **{"train#handlers#1#max_norm": 1e30})
    before = (bundle / "models" / "model.pt").read_bytes()
    with pytest.raises(TrainingError, match=r"Training the local stage failed.* loss became (nan|inf) in epoch"):
        finetune(bundle, films, epochs=4, spacing_mm=SPACING_MM, device="cpu")
    assert (bundle / "models" / "model.pt").read_bytes() == before
    assert [path.name for path in (bundle / "models").iterdir()] == ["model.pt"]


def test_weights_that_miss_landmarks_are_rejected(
    bundle: Path, films: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An infinite error could not be written as JSON."""
    fixed_errors(monkeypatch, 2.0, float("inf"))
    with pytest.raises(TrainingError, match="do not find any landmark; the weights in use are unchanged"):
        finetune(bundle, films, spacing_mm=SPACING_MM, device="cpu")
    assert latest(bundle)[1] == {}


def test_unreadable_film_is_an_error(bundle: Path, films: list[dict[str, Any]], tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(films[0]["image"].read_bytes()[:2000])
    with pytest.raises(TrainingError, match=r"weights in use are unchanged\. .*broken\.png"):
        finetune(
            bundle, films, replay=[{**films[0], "image": broken, "film": "x"}], spacing_mm=SPACING_MM, device="cpu"
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stages": []}, r"Expected stages out of 'global' and 'local', got \[\]"),
        ({"stages": ["lokal"]}, r"got \['lokal'\]"),
        ({"epochs": 0}, "Expected at least 1 epoch, got 0"),
    ],
)
def test_invalid_options_are_an_error(
    bundle: Path, films: list[dict[str, Any]], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        finetune(bundle, films, **options)


def test_missing_bundle_is_an_error(tmp_path: Path, films: list[dict[str, Any]]) -> None:
    with pytest.raises(FileNotFoundError, match=r"is not a bundle: it has no configs/inference.json"):
        finetune(tmp_path, films)
    assert not list(tmp_path.iterdir())


def test_one_training_at_a_time(bundle: Path, films: list[dict[str, Any]]) -> None:
    (bundle / "runs" / "finetune").mkdir(parents=True)
    with (
        FileLock(bundle / "runs" / "finetune" / ".lock"),
        pytest.raises(TrainingError, match=r"Another training of .* is running; wait for it or stop it"),
    ):
        finetune(bundle, films)


# --- replacing weights -----------------------------------------------------------------------------------------------

KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from monai_ceph.finetuning.replace_weights import replace_weights

left = int(sys.argv[4])

def counting(function):
    def call(*args, **kwargs):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return call

def half_copy(source, target):
    data = Path(source).read_bytes()
    with open(target, "wb", buffering=0) as file:
        write = counting(file.write)
        for start in range(0, len(data), len(data) // 3 + 1):
            write(data[start : start + len(data) // 3 + 1])

shutil.copyfile = half_copy
for name in ("fsync", "replace", "unlink"):
    setattr(os, name, counting(getattr(os, name)))
replace_weights(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], lambda path: None)
"""


def test_a_kill_at_any_moment_leaves_weights_that_load(tmp_path: Path, repository: Path) -> None:
    """A real process, killed at each of its writes, syncs and renames in turn."""
    model, new = tmp_path / "models" / "model.pt", tmp_path / "new.pt"
    model.parent.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    in_use = []
    torch.save({"w": torch.full((100,), 2.0)}, new)
    for step in range(40):
        torch.save({"w": torch.full((100,), 1.0)}, model)
        call = [sys.executable, "-c", KILLED, str(model), str(new), f"run {step:03d}", str(step)]
        status = subprocess.run(call, env=environment).returncode
        in_use.append(float(torch.load(model, weights_only=True)["w"][0]))
        for kept in (model.parent / "previous").glob("[!.]*.pt"):
            assert float(torch.load(kept, weights_only=True)["w"][0]) == 1.0
        if status == 0:
            break
        assert status == -signal.SIGKILL
    assert step > 8 and in_use == sorted(in_use) and (in_use[0], in_use[-1]) == (1.0, 2.0)


def test_unloadable_weights_are_not_used(bundle: Path, films: list[dict[str, Any]], tmp_path: Path) -> None:
    before = (bundle / "models" / "model.pt").read_bytes()
    half = tmp_path / "half.pt"
    half.write_bytes(before[: len(before) // 2])
    with pytest.raises(ValueError, match="Cannot read weights"):
        replace_weights(bundle / "models" / "model.pt", half, "now", weights_check(bundle))
    assert (bundle / "models" / "model.pt").read_bytes() == before
    assert not list((bundle / "models").rglob("*/*.pt"))  # nor do refused weights fill the folder of earlier ones


def test_first_and_latest_weights_are_kept(tmp_path: Path) -> None:
    model, new = tmp_path / "model.pt", tmp_path / "new.pt"
    model.write_text("shipped")
    for k in range(9):
        new.write_text(f"training {k}")
        replace_weights(model, new, f"2026{k}", lambda path: None)
    kept = [path.read_text() for path in sorted((tmp_path / "previous").iterdir())]
    assert kept == ["shipped", *(f"training {k}" for k in range(8 - KEPT, 8))]
    assert model.read_text() == "training 8"

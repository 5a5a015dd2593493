"""A training that was killed goes on from its last checkpoint and ends where an unbroken one ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Events
from monai.bundle import ConfigWorkflow

from tests.bundles.tiny import TINY_TRAINING

STAGE = ["train", "train_global", "own_films"]


class Killed(BaseException):
    """Stands in for the end of the process: nothing in MONAI or ignite catches it."""


def _kill(*_: Any) -> None:
    raise Killed


def _checkpoint(folder: Path, epoch: int) -> dict[str, Any]:
    return torch.load(folder / "runs" / "global" / f"last_checkpoint_epoch={epoch}.pt", weights_only=True)


@pytest.fixture
def settings(phantoms: Path) -> dict[str, Any]:
    """A training of the global stage."""
    return {**TINY_TRAINING, "dataset_dir": str(phantoms), "patch_size": 96}


def test_resumed_training_ends_bitwise_where_an_unbroken_one_ends(
    workflow: Callable[..., ConfigWorkflow], settings: dict[str, Any], tmp_path: Path
) -> None:
    settings |= {"epochs": 5, "films_per_batch": 1}
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    workflow(STAGE, **settings, bundle_root=str(unbroken)).run()

    killed = workflow(STAGE, **settings, bundle_root=str(broken))
    trainer = killed.parser.get_parsed_content("train#trainer")
    trainer.add_event_handler(Events.ITERATION_COMPLETED(once=3 * 3 + 2), _kill)  # in the midst of the fourth epoch
    with pytest.raises(Killed):
        killed.run()
    assert sorted(p.name for p in (broken / "runs" / "global").glob("*.pt")) == [
        "last_checkpoint_epoch=2.pt",
        "last_checkpoint_epoch=3.pt",
    ]
    # A kill while a checkpoint is written leaves a stump, which must not be taken for the newest.
    (broken / "runs" / "global" / "last_checkpoint_epoch=4.pt").write_bytes(b"PK\3\4 half of a checkpoint")
    resumed = workflow(STAGE, **settings, bundle_root=str(broken))
    resumed.run()
    assert resumed.parser.get_parsed_content("train#resume_from").endswith("epoch=3.pt")

    expected, got = _checkpoint(unbroken, 5), _checkpoint(broken, 5)
    for part in ("network", "ema"):
        assert expected[part].keys() == got[part].keys()
        for name, value in expected[part].items():
            assert torch.equal(value, got[part][name]), f"{part} {name}"
    assert expected["best"] == got["best"]
    assert expected["lr_scheduler"]["last_epoch"] == got["lr_scheduler"]["last_epoch"] == 15
    best = [torch.load(root / "models" / "model.pt", weights_only=True) for root in (unbroken, broken)]
    assert all(torch.equal(value, best[1][name]) for name, value in best[0].items())


def test_resume_keeps_a_better_model_of_before(
    workflow: Callable[..., ConfigWorkflow], settings: dict[str, Any], tmp_path: Path
) -> None:
    settings["epochs"] = 3
    killed = workflow(STAGE, **settings)
    killed.parser.get_parsed_content("train#trainer").add_event_handler(Events.EPOCH_STARTED(once=3), _kill)
    with pytest.raises(Killed):
        killed.run()
    model, last = tmp_path / "models" / "model.pt", tmp_path / "runs" / "global" / "last_checkpoint_epoch=2.pt"
    content = torch.load(last, weights_only=True)
    content["best"] = {"saved": [(-0.001, "model.pt")], "best_metric": 0.001, "best_metric_epoch": 1}
    torch.save(content, last)
    before = model.read_bytes()
    resumed = workflow(STAGE, **settings)
    resumed.run()
    assert resumed.parser.get_parsed_content("train#trainer").state.epoch == 3
    assert resumed.parser.get_parsed_content("validate#evaluator").state.best_metric == 0.001
    assert model.read_bytes() == before


def test_finished_run_says_that_nothing_is_trained(
    workflow: Callable[..., ConfigWorkflow], settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    settings["epochs"] = 1
    workflow(STAGE, **settings).run()
    assert "nothing is trained" not in caplog.text
    workflow(STAGE, **settings).run()
    assert "was finished, in epoch 1: nothing is trained. Start anew with --resume False" in caplog.text


def test_resume_false_starts_again(workflow: Callable[..., ConfigWorkflow], settings: dict[str, Any]) -> None:
    settings["epochs"] = 1
    workflow(STAGE, **settings).run()
    again = workflow(STAGE, **settings, resume=False)
    assert again.parser.get_parsed_content("train#resume_from") is None
    again.run()
    assert again.parser.get_parsed_content("train#trainer").state.iteration == 1

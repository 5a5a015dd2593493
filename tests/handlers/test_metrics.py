"""The handlers in a real engine, with a real checkpoint saver."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator
from monai.handlers import CheckpointSaver, from_engine
from monai.inferers import SimpleInferer

from monai_ceph.handlers import DetectionRateHandler, RadialErrorHandler, lower_is_better

pytest.importorskip("ignite")

POINTS = from_engine(["pred_mm", "target_mm"])


class _OffBy(torch.nn.Module):
    """Predicts each point off by its one parameter, in mm."""

    def __init__(self) -> None:
        super().__init__()
        self.mm = torch.nn.Parameter(torch.zeros(()))

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        return points + torch.stack([self.mm, self.mm * 0])


def _name_points(item: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return item | {"pred_mm": item["pred"], "target_mm": item["label"]}


def _evaluate(
    network: _OffBy, errors_mm: Sequence[float], saver: CheckpointSaver | None = None, decollate: bool = True
) -> SupervisedEvaluator:
    """One evaluation an epoch, with the network off by as much as told."""
    films = [{"image": torch.rand(3, 2), "label": torch.zeros(3, 2)} for _ in range(5)]
    for film in films:
        film["label"] = film["image"].clone()
    films[0]["label"][1] = math.nan
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(films), batch_size=2, num_workers=0),
        network=network,
        inferer=SimpleInferer(),
        postprocessing=_name_points,
        key_val_metric={"val_mre_mm": RadialErrorHandler(output_transform=POINTS)},
        additional_metrics={"val_sdr_2mm": DetectionRateHandler(output_transform=POINTS, threshold=2.0)},
        val_handlers=[saver] if saver else None,
        metric_cmp_fn=lower_is_better,
        decollate=decollate,
    )
    for epoch, error in enumerate(errors_mm, 1):
        network.mm.data.fill_(error)
        evaluator.run(epoch)
    return evaluator


def test_best_is_the_lowest_and_the_saver_keeps_it(tmp_path: Path) -> None:
    network = _OffBy()
    saver = CheckpointSaver(
        save_dir=str(tmp_path),
        save_dict={"network": network},
        save_key_metric=True,
        key_metric_negative_sign=True,
        key_metric_filename="best.pt",
    )
    evaluator = _evaluate(network, [3.0, 1.5, 2.5], saver)
    assert evaluator.state.best_metric == pytest.approx(1.5)
    assert evaluator.state.best_metric_epoch == 2
    assert torch.load(tmp_path / "best.pt")["mm"].item() == 1.5


def test_an_epoch_that_loses_landmarks_is_never_best() -> None:
    evaluator = _evaluate(_OffBy(), [math.nan, 7.0, math.nan])
    assert evaluator.state.best_metric == pytest.approx(7)
    assert evaluator.state.best_metric_epoch == 2


def test_batches_need_no_decollating() -> None:
    evaluator = _evaluate(_OffBy(), [1.5], decollate=False)
    assert evaluator.state.metrics["val_mre_mm"] == pytest.approx(1.5)


def test_metrics_are_numbers_and_details_are_every_error() -> None:
    state = _evaluate(_OffBy(), [1.5]).state
    assert state.metrics == {"val_mre_mm": pytest.approx(1.5), "val_sdr_2mm": 1.0}
    assert state.metric_details["val_mre_mm"].shape == (5, 3)
    assert state.metric_details["val_mre_mm"].isnan().sum() == 1


@pytest.mark.parametrize(
    ("current", "best", "better"),
    [(1.0, 2.0, True), (2.0, 1.0, False), (1.0, 1.0, False), (1.0, math.nan, True), (math.nan, 1.0, False)],
)
def test_lower_is_better(current: float, best: float, better: bool) -> None:
    assert lower_is_better(current, best) is better

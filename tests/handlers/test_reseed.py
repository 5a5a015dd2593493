from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ignite.engine import Engine, Events
from monai.data import CacheDataset, DataLoader
from monai.engines import SupervisedTrainer
from monai.handlers import CheckpointLoader, CheckpointSaver
from monai.transforms import Compose, RandGaussianNoised, RandShiftIntensityd, ToTensord

from monai_ceph.handlers import GradientClipHandler, ReseedHandler
from monai_ceph.training import last_checkpoint


def _network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(0.3), torch.nn.Linear(4, 1))


def _trainer(
    network: torch.nn.Module, loader: Any, handlers: list[Any], epochs: int, lr: float = 0.1, momentum: float = 0.9
) -> SupervisedTrainer:
    return SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=epochs,
        train_data_loader=loader,
        network=network,
        optimizer=torch.optim.SGD(network.parameters(), lr=lr, momentum=momentum),
        loss_function=torch.nn.functional.mse_loss,
        train_handlers=handlers,
    )


# --- ReseedHandler ---------------------------------------------------------------------------------------------------


def _draw() -> tuple[float, float, float]:
    return random.random(), float(np.random.random()), float(torch.rand(1))


def _draws(seed: int, epochs: int, disturb: Callable[[], object] = lambda: None) -> list[tuple[float, float, float]]:
    """What an engine's epochs draw, each after something else has drawn as well."""
    drawn: list[tuple[float, float, float]] = []
    engine = Engine(lambda engine, batch: drawn.append(_draw()))
    ReseedHandler(seed).attach(engine)
    engine.add_event_handler(Events.EPOCH_COMPLETED, lambda: disturb())
    engine.run([0, 1], max_epochs=epochs)
    return drawn


def test_epoch_s_draws_hang_on_nothing_before_it() -> None:
    undisturbed = _draws(3, 4)
    assert _draws(3, 4, disturb=_draw) == undisturbed
    assert len(set(undisturbed)) == 8


def test_each_of_the_three_generators_is_seeded() -> None:
    first, again = _draws(3, 1), _draws(3, 1)
    assert first == again
    assert all(a != b for a, b in zip(first[0], _draws(4, 1)[0], strict=True))


def test_no_epoch_of_one_seed_is_an_epoch_of_the_next() -> None:
    drawn = [draw for seed in range(5) for draw in _draws(seed, 20)[::2]]
    assert len(set(drawn)) == 100


@pytest.mark.parametrize("seed", [0, 2**31, 2**40])
def test_seed_of_any_size(seed: int) -> None:
    assert _draws(seed, 1) == _draws(seed, 1)


def _items() -> list[dict[str, Any]]:
    draw = np.random.default_rng(0)
    return [{"image": draw.normal(size=3).astype(np.float32), "label": np.float32([i / 8])} for i in range(8)]


def _transform() -> Compose:
    return Compose(
        [
            RandShiftIntensityd("image", 0.5, prob=0.8),
            RandGaussianNoised("image", prob=0.7),
            ToTensord(["image", "label"]),
        ]
    )


def test_transforms_inside_a_compose_are_seeded() -> None:
    transform, item = _transform(), _items()[0]
    handler, engine = ReseedHandler(1, transform), Engine(lambda engine, batch: None)
    seen = []
    for epoch in (1, 2, 1):
        engine.state.epoch = epoch
        handler(engine)
        transform(item)
        seen.append(transform(item)["image"].tolist())
    assert seen[0] == seen[2] != seen[1]


def _train(folder: Path, epochs: int, workers: int, resume: bool = False) -> dict[str, torch.Tensor]:
    """A few epochs with everything random that training has: shuffling, augmentation, dropout."""
    network, transform = _network(), _transform()
    loader = DataLoader(
        CacheDataset(_items(), transform, progress=False), batch_size=3, shuffle=True, num_workers=workers
    )
    handlers = [ReseedHandler(7, transform), GradientClipHandler(network.parameters())]
    trainer = _trainer(network, loader, handlers, epochs)
    saved = {"network": network, "optimizer": trainer.optimizer, "trainer": trainer}
    CheckpointSaver(str(folder), saved, file_prefix="last", save_interval=1, n_saved=1).attach(trainer)
    if resume:
        path = last_checkpoint(folder, "last")
        assert path is not None and path.endswith("=2.pt")
        CheckpointLoader(path, saved).attach(trainer)
    trainer.run()
    return {key: value.clone() for key, value in network.state_dict().items()}


@pytest.mark.parametrize("workers", [0, 1])
def test_run_that_was_killed_and_resumed_ends_where_an_unbroken_one_does(tmp_path: Path, workers: int) -> None:
    unbroken = _train(tmp_path / "a", 4, workers)
    _train(tmp_path / "b", 2, workers)
    random.random(), np.random.random(), torch.rand(5)  # another process would stand elsewhere as well
    resumed = _train(tmp_path / "b", 4, workers, resume=True)
    assert all(torch.equal(resumed[key], unbroken[key]) for key in unbroken)
    other = _train(tmp_path / "c", 3, workers)
    assert not all(torch.equal(other[key], unbroken[key]) for key in unbroken)


# --- GradientClipHandler ---------------------------------------------------------------------------------------------


def _steep() -> tuple[torch.nn.Module, list[dict[str, torch.Tensor]]]:
    """A batch whose gradient is far longer than 1."""
    torch.manual_seed(1)
    network = torch.nn.Linear(3, 1)
    return network, [{"image": torch.rand(4, 3) * 10, "label": torch.rand(4, 1) * 100}]


def _step(max_norm: float | None, prepare: Callable[[SupervisedTrainer], None] = lambda trainer: None) -> torch.Tensor:
    """What one step of plain descent at rate 1 does to the parameters: minus the gradient it used."""
    network, batches = _steep()
    before = torch.nn.utils.parameters_to_vector(network.parameters()).detach().clone()
    handlers = [] if max_norm is None else [GradientClipHandler(network.parameters(), max_norm)]
    trainer = _trainer(network, batches, handlers, 1, lr=1.0, momentum=0.0)
    prepare(trainer)
    trainer.run()
    return before - torch.nn.utils.parameters_to_vector(network.parameters()).detach()


@pytest.mark.parametrize("max_norm", [0.5, 1.0, 3.0])
def test_long_gradient_is_shortened_and_keeps_its_direction(max_norm: float) -> None:
    plain, clipped = _step(None), _step(max_norm)
    assert plain.norm() > 100
    assert float(clipped.norm()) == pytest.approx(max_norm, rel=1e-4)
    torch.testing.assert_close(clipped / clipped.norm(), plain / plain.norm(), atol=1e-4, rtol=1e-4)


def test_short_gradient_is_left_alone() -> None:
    torch.testing.assert_close(_step(1e6), _step(None))


def _mixed_precision(trainer: SupervisedTrainer) -> None:
    """As MONAI's trainer does on a GPU; the scaler that it makes as it starts turns itself off where there is none."""
    trainer.amp = True

    @trainer.on(Events.STARTED)
    def replace_scaler() -> None:
        trainer.scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)


@pytest.mark.filterwarnings("ignore:.*[Cc][Uu][Dd][Aa]")
def test_under_mixed_precision_the_true_gradient_is_clipped_not_the_scaled_one() -> None:
    clipped = _step(1.0, _mixed_precision)
    assert float(clipped.norm()) == pytest.approx(1.0, rel=1e-3)
    torch.testing.assert_close(clipped, _step(1.0), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(_step(1e6, _mixed_precision), _step(None), rtol=1e-3, atol=1e-3)


def test_parameters_may_be_a_generator_that_is_read_once() -> None:
    """As the configuration gives them: ``network.parameters()``; the second step must clip as well."""
    network, batches = _steep()
    handler = GradientClipHandler(network.parameters(), 0.1)
    trainer = _trainer(network, batches * 3, [handler], 1, lr=1e-6, momentum=0.0)
    norms: list[float] = []
    trainer.add_event_handler(
        Events.ITERATION_COMPLETED,
        lambda: norms.append(float(torch.cat([p.grad.flatten() for p in network.parameters()]).norm())),
    )
    trainer.run()
    assert norms == pytest.approx([0.1] * 3, rel=1e-4)

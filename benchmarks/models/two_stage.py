"""Ours: both stages, trained by the bundle's own configs and used as its inference.json says.

Nothing is chosen on any film: there are no validation films, and the moving average of the weights at the end counts.
Only what a budget asks for differs from the shipped configuration, by the same rules for every network:

- the one-cycle schedule is as long as the budget lasts, from a few iterations timed beforehand in a run thrown away;
- a batch is halved until at least ``FEWEST_ITERATIONS`` fit into the budget;
- the moving average spans at most a fifth of the iterations, as that of the shipped global stage does.

Options of the job:
    bundle: its folder, relative to the checkout's root; the paper's bundle where there is none.
    overlay: a config file laid over the bundle's, which puts another network in; relative to the checkout's root.
    overrides: {"global": {...}, "local": {...}, "inference": {...}}: config key -> value.
"""

from __future__ import annotations

import functools
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Events
from monai.bundle import ConfigParser, ConfigWorkflow

from benchmarks.models.common import Job, Predictor, Training, main
from monai_ceph.inferers.autocast import fastest_dtype
from monai_ceph.predictor.bundle import paper_bundle
from monai_ceph.predictor.torch_predictor import TorchPredictor

SHARES = {"global": 1 / 3, "local": 2 / 3}
"""Stage -> its part of the budget, in the order of training."""
FEWEST_ITERATIONS = 600
SMALLEST_BATCH = 2
"""Films an iteration: batch norm learns little from one (8 minutes a model: 11.9 mm, where two films gave 7.8)."""
AVERAGES_A_RUN = 5
"""Iterations of a run over those that the moving average spans; 1736 x 0.003 in the shipped global stage."""
WARM_UP, TIMED = 4, 16
"""Iterations of the run that tells how long one takes."""


def train(job: Job, shares: Mapping[str, float] = SHARES) -> Training:
    """Trains the stages one after another; leaves ``model.pt`` in the work folder."""
    logging.getLogger("ignite").setLevel(logging.WARNING)
    records = [_train_stage(job, stage, share) for stage, share in shares.items()]
    return Training(
        training_minutes=sum(record["minutes"] for record in records),
        wall_minutes=sum(record["wall_minutes"] for record in records),
        iterations=sum(record["iterations"] for record in records),
        films_seen=sum(record["iterations"] * record["batch"] for record in records),
        parameters=sum(record["parameters"] for record in records),
        dtype=_dtype(job),
        packages=("monai",),
        remarks="; ".join(f"{r['stage']}: {r['iterations']} iterations of {r['batch']} films" for r in records)
        + "; averaged weights",
    )


def load(job: Job, **overrides: Any) -> Predictor:
    """The bundle's inference with the trained weights."""
    parser = ConfigParser()
    parser.read_config(_configs(job, ["inference"]))
    device = torch.device(job.device)
    given = {"weights": str(job.work_dir / "model.pt"), "device": device, "film_spacing_mm": job.film_spacing_mm}
    parser.update({**given, **overrides, **_overrides(job, "inference")})
    system = TorchPredictor(
        scheme=parser.get_parsed_content("landmark_scheme"),
        device=device,
        network=parser.get_parsed_content("network"),
        preprocessing=parser.get_parsed_content("preprocessing"),
        inferer=parser.get_parsed_content("inferer"),
        postprocessing=parser.get_parsed_content("postprocessing"),
    )

    def locate(item: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        prediction = system.predict(item)
        return prediction.points_px, prediction.confidence

    return Predictor(lambda film: system.load(Path(film)), locate)


def plan(seconds: float, films: int, batch: int, an_iteration: Callable[[int], float]) -> tuple[int, int]:
    """How to spend a stage's time.

    Args:
        seconds: there are.
        films: to train on.
        batch: films an iteration, as shipped.
        an_iteration: films an iteration -> seconds that one takes.
    Returns:
        Films an iteration, and epochs: at least one.
    """
    each = an_iteration(batch)
    while seconds / each < FEWEST_ITERATIONS and batch > SMALLEST_BATCH:
        batch //= 2
        each = an_iteration(batch)
    steps = films // batch  # the bundle's loader drops an incomplete batch
    return batch, max(1, round(seconds / each / steps))


def _train_stage(job: Job, stage: str, share: float) -> dict[str, Any]:
    shipped = {**ConfigParser.load_config_files(_configs(job, ["train", f"train_{stage}"])), **_overrides(job, stage)}
    seconds, films = 60 * job.minutes * share, len(job.train)
    timed = functools.partial(_seconds_an_iteration, job, stage)
    batch, epochs = plan(seconds, films, min(shipped["films_per_batch"], films), timed)
    iterations = epochs * (films // batch)
    workflow = _workflow(
        job,
        stage,
        epochs=epochs,
        films_per_batch=batch,
        ema_momentum=max(shipped["ema_momentum"], AVERAGES_A_RUN / iterations),
        **{"ema#warmup_iters": min(shipped["ema"]["warmup_iters"], iterations // 2)},
    )
    workflow.parser.get_parsed_content("train#trainer")  # reads the films, before the clock starts
    budget = job.budget(share)
    workflow.run()
    record = {"minutes": budget.spent_minutes, "wall_minutes": budget.wall_minutes}
    torch.save(workflow.parser.get_parsed_content("ema").ema_model.state_dict(), job.work_dir / "model.pt")
    trained = workflow.parser.get_parsed_content("trained_net")
    parameters = sum(p.numel() for p in trained.parameters())
    return {**record, "stage": stage, "iterations": iterations, "batch": batch, "parameters": parameters}


def _seconds_an_iteration(job: Job, stage: str, batch: int) -> float:
    """By the budget's clock, in a run of as many films as make a batch: an epoch is then one iteration."""
    films = _films(job)[:batch]
    workflow = _workflow(job, stage, epochs=WARM_UP + TIMED, films_per_batch=batch, train_datalist=films)
    trainer = workflow.parser.get_parsed_content("train#trainer")
    budget, at = job.budget(), []
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: at.append(budget.spent_minutes))
    workflow.run()
    return 60 * (at[-1] - at[WARM_UP - 1]) / TIMED


def _workflow(job: Job, stage: str, *, epochs: int, **overrides: Any) -> ConfigWorkflow:
    """A stage's training as the bundle wires it, initialised: other films, no validation, one checkpoint by hand."""
    device = torch.device(job.device)
    given = {
        "bundle_root": str(job.work_dir),
        "model_dir": str(job.work_dir),
        "device": device,
        "seed": job.seed,
        "film_spacing_mm": job.film_spacing_mm,
        "train_datalist": _films(job),
        "val_datalist": [],
        "epochs": epochs,
        "val_interval": epochs + 1,
        "checkpoint_interval": epochs + 1,
        "resume": False,
        "train#dataset#progress": False,
    }
    workflow = ConfigWorkflow(
        config_file=_configs(job, ["train", f"train_{stage}"]),
        meta_file=str(_bundle(job) / "configs" / "metadata.json"),
        logging_file=False,
        **{**given, **overrides, **_overrides(job, stage)},
    )
    workflow.initialize()
    return workflow


def _films(job: Job) -> list[dict[str, Any]]:
    return [{**film, "points_px": np.array(film["points_px"], dtype=np.float32)} for film in job.train]


def _bundle(job: Job) -> Path:
    return Path(job.options["bundle"]) if "bundle" in job.options else paper_bundle()


def _configs(job: Job, names: Sequence[str]) -> list[str]:
    shipped = [str(_bundle(job) / "configs" / f"{name}.json") for name in names]
    return [*shipped, job.options["overlay"]] if job.options.get("overlay") else shipped


def _overrides(job: Job, part: str) -> dict[str, Any]:
    return job.options.get("overrides", {}).get(part, {})


def _dtype(job: Job) -> str:
    """What the bundle computes in on the job's device."""
    name = str(fastest_dtype(torch.device(job.device))).removeprefix("torch.")
    return name if name == "float32" else f"{name} autocast"


if __name__ == "__main__":
    warnings.filterwarnings("ignore", category=FutureWarning)
    main(train, load)

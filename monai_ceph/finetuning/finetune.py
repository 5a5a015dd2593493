"""Corrected films train the bundle that is in use: from its weights, on a few films, and only if it gets no worse."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import torch
from filelock import FileLock, Timeout

from monai_ceph.atomic import write_text
from monai_ceph.data.film_list import film_list_text, read_film_list
from monai_ceph.finetuning.replace_weights import replace_weights
from monai_ceph.metrics.radial_error import radial_error
from monai_ceph.networks import load_weights
from monai_ceph.predictor.bundle import config_text, default_bundle, root_cause
from monai_ceph.predictor.device import resolve_device
from monai_ceph.predictor.predictor import Predictor
from monai_ceph.predictor.torch_predictor import load_torch_predictor
from monai_ceph.training.mute_logging import mute_logging

if TYPE_CHECKING:
    import pandas as pd

Stage = Literal["global", "local"]
Tell = Callable[[str], None]
"""Takes a line of text for people."""
FEWEST = 5
"""Labels that a training needs: four to learn from, one to see what it was worth."""
HELD_OUT = 0.2
"""The share of labels that no training sees."""
NEAR_MM = 2.0
SHARED = ("scheme", "landmark_scheme", "stage_net", "network_def", "local_spacing_mm", "global_scale", "cpu_dtype")
"""Knobs that training takes from the bundle's ``inference.json``: what is trained is what is used."""
RUNS = Path("runs") / "finetune"
FILMS, PROGRESS, RESULT = "films.json", "progress.json", "result.json"


class TrainingError(ValueError):
    """A training that cannot be done or went wrong; the weights in use are as they were."""


@dataclass(frozen=True)
class HeldOutError:
    """How far a model's landmarks are from the held-out labels.

    Args:
        error: mean radial error.
        unit: of the error: mm, or px of the films where the spacing of one is unknown.
        within_2mm: the share of landmarks that are at most 2 mm off; None in px.
    """

    error: float
    unit: Literal["mm", "px"]
    within_2mm: float | None


@dataclass(frozen=True)
class FinetuneResult:
    """What a training did.

    Args:
        replaced: whether the new weights are in use now.
        before, after: of the old and the new weights, on the same held-out films.
        trained, held_out: names of the films.
        replay: how many films of the replay set were mixed in.
        stages, epochs: what was trained, and how long each.
        seconds: of everything.
        run: folder with the films, the curves and this result.
        previous: where the weights are that were in use before; None if they still are.
    """

    replaced: bool
    before: HeldOutError
    after: HeldOutError
    trained: tuple[str, ...]
    held_out: tuple[str, ...]
    replay: int
    stages: tuple[Stage, ...]
    epochs: int
    seconds: float
    run: Path
    previous: Path | None

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas table of the held-out error, with the rows ``before`` and ``after``."""
        import pandas as pd

        return pd.DataFrame([asdict(self.before), asdict(self.after)], index=["before", "after"])

    def as_json(self) -> dict[str, Any]:
        """Return what ``result.json`` holds."""
        content = {**asdict(self), "run": str(self.run), "previous": self.previous and str(self.previous)}
        # The file's key, as the value of "part" in films.json, is older than the name.
        return {"base" if key == "replay" else key: value for key, value in content.items()}

    def __str__(self) -> str:
        change = f"from {self.before.error:.3f} to {self.after.error:.3f} {self.after.unit}"
        films = f"{len(self.held_out)} held-out films"
        what = "the new weights are in use" if self.replaced else "the old weights stay"
        return f"mean error on {films} went {change}: {what}"


def _nobody(text: str) -> None:
    """Tell nobody."""


def finetune(
    bundle: Path,
    items: Sequence[Mapping[str, Any]],
    *,
    stages: Sequence[Stage] = ("local",),
    replay: Sequence[Mapping[str, Any]] = (),
    epochs: int | None = None,
    spacing_mm: float | None = None,
    device: str = "auto",
    tell: Tell = _nobody,
) -> FinetuneResult:
    """Go on from a bundle's weights on labelled films, and put the new weights in their place if they are not worse.

    Both are scored by :meth:`Predictor.predict` on films that no training of this bundle has seen or will see. Training
    runs through the bundle's ``train.json``, ``train_<stage>.json`` and ``finetune.json`` (the shipped ones where it
    has none), in a folder of its own under ``runs/finetune``.

    Args:
        bundle: its folder; ``models/model.pt`` is replaced, and first kept in ``models/previous``.
        items: ``{"image": path, "points_px": (N, 2), "film": name}``; NaN where a landmark was not labelled.
        stages: which stages to train.
        replay: as ``items``, other films, mixed in so that they are not forgotten; ``"spacing_mm"`` where it differs.
        epochs: of each stage; None as configured.
        spacing_mm: the films' pixel size; None is the one in each file.
        device: see :func:`~monai_ceph.predictor.device.resolve_device`.
        tell: called with a line of text for people at each step; without it nothing is printed.
    Raises:
        TrainingError: too few labels, another training of the bundle is running, or this one failed. The weights in use
            are then as they were.
        FileNotFoundError, WeightsError: no bundle there, or one without weights that load.
        FilmError: a film cannot be read.
    """
    start, bundle = time.monotonic(), Path(bundle).resolve()
    order = tuple(stage for stage in get_args(Stage) if stage in stages)
    if not order or not set(stages) <= set(order):
        raise TrainingError(f"Stages to train are 'global' and 'local', got {list(stages)}.")
    if epochs is not None and epochs < 1:
        raise TrainingError(f"Expected at least 1 epoch, got {epochs}.")
    labelled = {str(item["film"]): item for item in items if np.isfinite(item["points_px"]).all(-1).any()}
    model = bundle / "models" / "model.pt"
    with _exclusive(bundle):
        held_out = hold_out(list(labelled), *_seen_before(bundle))
        predictor = load_torch_predictor(bundle, spacing_mm, device)
        run = _new_run(bundle)
        mine = {"spacing_mm": spacing_mm}
        new = [{**_plain(i), **mine, "part": "held_out" if f in held_out else "new"} for f, i in labelled.items()]
        old = [{**mine, **_plain(item), "part": "base"} for item in replay]
        write_text(run / FILMS, film_list_text([*new, *old]))
        tell(f"{len(new)} labelled films, {len(held_out)} of them held out, {len(old)} films of the replay set")

        asked = [labelled[film] for film in held_out]
        before = _held_out_error(predictor, asked)
        weights, progress = model, _Progress(run, order, tell)
        for stage in order:
            weights = _train(bundle, stage, run, weights, epochs, device, progress)
        after = _held_out_error(load_torch_predictor(bundle, spacing_mm, device, weights), asked)
        if not math.isfinite(after.error):
            raise TrainingError("The new weights do not find every landmark; the weights in use are as they were.")
        replaced = after.error <= before.error
        previous = replace_weights(model, weights, run.name, _check(bundle)) if replaced else None
        result = FinetuneResult(
            replaced=replaced,
            before=before,
            after=after,
            trained=tuple(film for film in labelled if film not in held_out),
            held_out=tuple(held_out),
            replay=len(old),
            stages=order,
            epochs=progress.epochs,
            seconds=time.monotonic() - start,
            run=run,
            previous=previous,
        )
        write_text(run / RESULT, json.dumps(result.as_json(), indent=1) + "\n")
        _remove_weights(bundle)
    tell(str(result))
    return result


def hold_out(films: Sequence[str], held_before: Collection[str], trained_before: Collection[str]) -> list[str]:
    """Which films to validate on: about a fifth, at least one.

    A film that was held out once always is, and one that was trained on never: else old weights would be better or
    worse on it than on films that they have not seen. Among new films a hash of the name chooses.

    Args:
        films: all that have a label.
        held_before, trained_before: by earlier trainings.
    Raises:
        TrainingError: too few films; the message says how many it takes.
    """
    if len(films) < FEWEST:
        raise TrainingError(f"{len(films)} films have a label; label at least {FEWEST} before training.")
    held = [film for film in films if film in held_before]
    fresh = [film for film in films if film not in held_before and film not in trained_before]
    fresh.sort(key=lambda film: hashlib.sha256(film.encode()).digest())
    held += fresh[: max(0, round(HELD_OUT * len(films)) - len(held))]
    if not held:
        raise TrainingError("All labelled films were trained on before; label at least one more to validate on.")
    if len(held) == len(films):
        raise TrainingError(f"All {len(films)} labelled films are held out; label at least one more to train on.")
    return sorted(held)


def latest(bundle: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Progress of a bundle's newest training, and the result of the newest one that ended well; empty if there is none.

    Out of files, because the training is another process.
    """
    runs = sorted(path.parent for path in (bundle / RUNS).glob(f"*/{FILMS}"))
    results = [run / RESULT for run in runs if (run / RESULT).is_file()]
    progress = runs[-1] / PROGRESS if runs else None
    now = json.loads(progress.read_text(encoding="utf-8")) if progress and progress.is_file() else {}
    return now, json.loads(results[-1].read_text(encoding="utf-8")) if results else {}


@contextmanager
def _exclusive(bundle: Path) -> Iterator[None]:
    """Two trainings at once would replace each other's weights. The system gives the lock back, also after a kill."""
    if not (bundle / "configs" / "inference.json").is_file():
        raise FileNotFoundError(f"'{bundle}' is not a bundle: it has no configs/inference.json.")
    (bundle / RUNS).mkdir(parents=True, exist_ok=True)
    lock = FileLock(bundle / RUNS / ".lock", timeout=0)
    try:
        held = lock.acquire()
    except Timeout as error:
        raise TrainingError(f"Another training of '{bundle}' is running; wait for it or stop it.") from error
    with held:
        _remove_weights(bundle)  # of trainings that were killed
        yield


def _seen_before(bundle: Path) -> tuple[set[str], set[str]]:
    """Films that earlier trainings held out, and that they trained on: their own records say so."""
    parts: dict[str, set[str]] = {"held_out": set(), "new": set(), "base": set()}
    for record in sorted((bundle / RUNS).glob(f"*/{FILMS}")):
        for item in read_film_list(record):
            parts[item["part"]].add(item["film"])
    return parts["held_out"], parts["new"]


def _new_run(bundle: Path) -> Path:
    run = bundle / RUNS / datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
    run.mkdir()
    return run


def _remove_weights(bundle: Path) -> None:
    """Nobody asks for a run's own weights: they are in use by now, or were worse. Records and curves stay."""
    for stage in get_args(Stage):
        for weights in (bundle / RUNS).glob(f"*/{stage}/*.pt"):
            weights.unlink()


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """What a training's record holds of an item."""
    plain = {key: item[key] for key in ("film", "image", "points_px", "spacing_mm") if key in item}
    return {**plain, "film": str(plain["film"]), "image": str(Path(plain["image"]).resolve())}


def _held_out_error(predictor: Predictor, items: Sequence[Mapping[str, Any]]) -> HeldOutError:
    predictions = [predictor.predict(predictor.load(Path(item["image"]))) for item in items]
    known = all(prediction.spacing_mm is not None for prediction in predictions)
    spacings = [prediction.spacing_mm if known else (1.0, 1.0) for prediction in predictions]
    scale = torch.tensor(spacings, dtype=torch.float64)[:, None]
    pred = torch.from_numpy(np.stack([prediction.points_px for prediction in predictions])) * scale
    true = torch.from_numpy(np.stack([np.asarray(item["points_px"], dtype=np.float64) for item in items])) * scale
    errors = radial_error(pred, true)
    errors = errors[~errors.isnan()]
    near = float((errors <= NEAR_MM).double().mean()) if known else None
    return HeldOutError(float(errors.mean()), "mm" if known else "px", near)


def _check(bundle: Path) -> Any:
    """What says whether weights are ones that this bundle can use."""
    from monai.bundle import ConfigParser

    def check(path: Path) -> None:
        parser = ConfigParser()
        parser.read_config(str(bundle / "configs" / "inference.json"))
        load_weights(parser.get_parsed_content("network_def"), path)

    return check


def _train(
    bundle: Path, stage: Stage, run: Path, weights: Path, epochs: int | None, device: str, progress: _Progress
) -> Path:
    """One stage from given weights; returns where the new ones are."""
    from monai.bundle import ConfigWorkflow

    inference = json.loads((bundle / "configs" / "inference.json").read_text(encoding="utf-8"))
    overrides = {key: inference[key] for key in SHARED if key in inference}
    folder = run / stage
    paths = {"bundle_root": bundle, "run_dir": folder, "film_list": run / FILMS, "init_weights": weights}
    overrides |= {key: config_text(str(path)) for key, path in paths.items()}
    overrides["device"] = f"$torch.device('{resolve_device(device)}')"
    if epochs is not None:
        overrides["epochs"] = epochs
    try:
        with mute_logging():
            workflow = ConfigWorkflow(
                config_file=[bundle_file(bundle, name) for name in ("train", f"train_{stage}", "finetune")],
                meta_file=bundle_file(bundle, "metadata"),
                logging_file=False,
                **overrides,
            )
            workflow.initialize()
            progress.attach(workflow.parser.get_parsed_content("train#trainer"), stage)
            workflow.run()
    except (RuntimeError, ValueError, OSError) as error:
        raise TrainingError(
            f"Training the {stage} stage failed; the weights in use are as they were. {root_cause(error)}"
        ) from error
    return folder / "model.pt"


def bundle_file(bundle: Path, config: str) -> str:
    """Path of a bundle's config; the shipped one's where it has none, so that one made for inference can be trained."""
    own = bundle / "configs" / f"{config}.json"
    return str(own if own.is_file() else default_bundle() / "configs" / f"{config}.json")


class _Progress:
    """A line and a small file at each epoch; stops a training that has run away."""

    def __init__(self, run: Path, stages: Sequence[Stage], report: Tell) -> None:
        self.run, self.stages, self.report = run, stages, report
        self.start, self.epochs = time.monotonic(), 0

    def attach(self, engine: Any, stage: Stage) -> None:
        from ignite.engine import Events

        self.stage = stage
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.check)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.tell)

    def check(self, engine: Any) -> None:
        if not math.isfinite(_loss(engine)):
            raise TrainingError(
                f"The loss became {_loss(engine)} in epoch {engine.state.epoch}: are all labels on their landmarks? "
                "Else lower learning_rate in configs/finetune.json."
            )

    def tell(self, engine: Any) -> None:
        self.epochs = engine.state.max_epochs
        done = self.stages.index(self.stage) * self.epochs + engine.state.epoch
        total = len(self.stages) * self.epochs
        left = (time.monotonic() - self.start) / done * (total - done)
        self.report(
            f"{self.stage} stage: epoch {engine.state.epoch:3d} of {self.epochs}, loss {_loss(engine):.4f}, "
            f"{left:.0f} s left"
        )
        state = {"run": str(self.run), "stage": self.stage, "epoch": done, "total_epochs": total, "loss": _loss(engine)}
        write_text(self.run / PROGRESS, json.dumps(state) + "\n")


def _loss(engine: Any) -> float:
    output = engine.state.output
    return float((output[0] if isinstance(output, list) else output)["loss"])

"""Fine-tune a bundle on a few corrected films, and replace its weights only if they do not get worse."""

from __future__ import annotations

import hashlib
import json
import math
import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np
import torch
from filelock import FileLock, Timeout

from monai_ceph.atomic import write_text
from monai_ceph.data.film_list import film_list_text, read_film_list
from monai_ceph.finetuning.held_out import compare
from monai_ceph.finetuning.replace_weights import replace_weights
from monai_ceph.metrics.radial_error import radial_error
from monai_ceph.networks import load_weights
from monai_ceph.predictor.bundle import config_text, default_bundle, read_config, root_cause
from monai_ceph.predictor.device import resolve_device
from monai_ceph.predictor.predictor import Predictor
from monai_ceph.predictor.torch_predictor import load_torch_predictor
from monai_ceph.predictor.trust import check_trusted
from monai_ceph.training.mute_logging import mute_logging

if TYPE_CHECKING:
    import pandas as pd

Stage = Literal["global", "local"]
Tell = Callable[[str], None]
"""Called with a line of text for people."""
FEWEST = 5
"""Minimum number of labels: four to train on and one to validate on."""
HELD_OUT = 0.2
"""Fraction of the labelled films that no training sees."""
NEAR_MM = 2.0
SHARED = ("scheme", "landmark_scheme", "stage_net", "network_def", "local_spacing_mm", "global_scale", "cpu_dtype")
"""Settings that training takes from the bundle's ``inference.json``, so that both use the same network."""
RUNS = Path("runs") / "finetune"
FILMS, PROGRESS, RESULT = "films.json", "progress.json", "result.json"


class TrainingError(ValueError):
    """A training was refused or failed; the weights in use are unchanged."""


@dataclass(frozen=True)
class HeldOutError:
    """Hold a model's error on the held-out labels, without those that were left out.

    Args:
        error: mean radial error.
        median: median radial error.
        unit: unit of the errors: mm, or film px if the spacing of any film is unknown.
        within_2mm: fraction of landmarks with an error of at most 2 mm; None if the unit is px.
    """

    error: float
    median: float
    unit: Literal["mm", "px"]
    within_2mm: float | None


@dataclass(frozen=True)
class FinetuneResult:
    """Hold the result of a training.

    Args:
        replaced: whether the new weights are now in use.
        before, after: error of the old and the new weights on the same held-out films.
        left_out: labels far from the points of both the old and the new weights, with the smaller distance. They do
            not count; they are probably on the wrong spot.
        trained, held_out: names of the films.
        replay: number of films from the replay set.
        stages, epochs: stages that were trained, and epochs per stage.
        seconds: total duration.
        run: folder with the film list, the curves and this result.
        previous: path of the earlier weights; None if they are still in use.
    """

    replaced: bool
    before: HeldOutError
    after: HeldOutError
    left_out: tuple[str, ...]
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
        """Return the content of ``result.json``."""
        content = {**asdict(self), "run": str(self.run), "previous": self.previous and str(self.previous)}
        # Files call the replay set "base", as does "part" in films.json.
        return {"base" if key == "replay" else key: value for key, value in content.items()}

    def __str__(self) -> str:
        change = f"from {self.before.error:.3f} to {self.after.error:.3f} {self.after.unit}"
        medians = f"median from {self.before.median:.3f} to {self.after.median:.3f}"
        films = f"{len(self.held_out)} held-out films"
        decision = "the new weights are in use" if self.replaced else "the old weights stay"
        left_out = f"; check these labels, which were left out: {', '.join(self.left_out)}" if self.left_out else ""
        return f"mean error on {films} went {change} ({medians}): {decision}{left_out}"


def _ignore(text: str) -> None:
    """Ignore a line of text."""


def finetune(
    bundle: Path,
    items: Sequence[Mapping[str, Any]],
    *,
    stages: Sequence[Stage] = ("local",),
    replay: Sequence[Mapping[str, Any]] = (),
    epochs: int | None = None,
    spacing_mm: float | None = None,
    device: str = "auto",
    tell: Tell = _ignore,
    trust: bool = False,
) -> FinetuneResult:
    """Train a bundle on labelled films, starting from its weights, and use the new weights if they are not worse.

    Old and new weights are evaluated with :meth:`Predictor.predict` on held-out films, which no training of this bundle
    ever sees, and compared with :func:`~monai_ceph.finetuning.held_out.compare`. Training uses the bundle's
    ``train.json``, ``train_<stage>.json`` and ``finetune.json``, or the shipped ones if it has none, and writes to a
    new folder under ``runs/finetune``. Random states and cuDNN flags that the training sets are restored afterwards.

    Args:
        bundle: folder of the bundle; ``models/model.pt`` is replaced after a copy was saved in ``models/previous``.
        items: ``{"image": path, "points_px": (N, 2), "film": name}``; NaN if a landmark was not labelled.
        stages: stages to train.
        replay: other films in the form of ``items``, mixed in against forgetting; with ``"spacing_mm"`` if it differs.
        epochs: epochs per stage; None uses the configured number.
        spacing_mm: the films' pixel size; None uses the one in each file.
        device: see :func:`~monai_ceph.predictor.device.resolve_device`.
        tell: called with a line of text at each step; by default nothing is printed.
        trust: train a bundle whose configs can run code that no shipped bundle has.
    Returns:
        The errors before and after, and whether the weights were replaced.
    Raises:
        TrainingError: there are too few labels, another training of the bundle is running, or this one failed. The
            weights in use are then unchanged.
        UntrustedBundleError: the bundle's configs can run code of their own, and ``trust`` is false.
        FileNotFoundError, WeightsError: there is no bundle, or its weights cannot be loaded.
        FilmError: a film cannot be read.
    """
    start, bundle = time.monotonic(), Path(bundle).resolve()
    order = tuple(stage for stage in get_args(Stage) if stage in stages)
    if not order or not set(stages) <= set(order):
        raise TrainingError(f"Expected stages out of 'global' and 'local', got {list(stages)}.")
    if epochs is not None and epochs < 1:
        raise TrainingError(f"Expected at least 1 epoch, got {epochs}.")
    labelled = {str(item["film"]): item for item in items if np.isfinite(item["points_px"]).all(-1).any()}
    model = bundle / "models" / "model.pt"
    with weights_locked(bundle):
        _remove_weights(bundle)  # of trainings that were killed
        held_out = hold_out(list(labelled), *seen_before(bundle))
        predictor = load_torch_predictor(bundle, spacing_mm, device, trust=trust)
        for stage in order:
            check_trusted(bundle, read_config(*_training_files(bundle, stage)), "training", trust)
        run = _new_run(bundle)
        default = {"spacing_mm": spacing_mm}
        new = [
            {**_list_entry(item), **default, "part": "held_out" if film in held_out else "new"}
            for film, item in labelled.items()
        ]
        old = [{**default, **_list_entry(item), "part": "base"} for item in replay]
        write_text(run / FILMS, film_list_text([*new, *old]))
        tell(f"{len(new)} labelled films, {len(held_out)} of them held out, {len(old)} films of the replay set")

        validation = [labelled[film] for film in held_out]
        before, unit, face_size = _held_out_errors(predictor, validation)
        weights, progress = model, _Progress(run, order, tell)
        with _random_state_restored():
            for stage in order:
                weights = _train(bundle, stage, run, weights, epochs, device, progress)
        retrained = load_torch_predictor(bundle, spacing_mm, device, weights, trust=trust)
        after, _, _ = _held_out_errors(retrained, validation)
        if not np.isfinite(after).any():
            raise TrainingError("The new weights do not find any landmark; the weights in use are unchanged.")
        comparison = compare(before, after, face_size)
        previous = replace_weights(model, weights, run.name, weights_check(bundle)) if comparison.accepted else None
        symbols = predictor.scheme.symbols
        result = FinetuneResult(
            replaced=comparison.accepted,
            before=_held_out_error(before, comparison.absurd, unit),
            after=_held_out_error(after, comparison.absurd, unit),
            left_out=tuple(
                f"{held_out[film]} {symbols[k]} ({min(before[film, k], after[film, k]):.0f} {unit})"
                for film, k in np.argwhere(comparison.absurd)
            ),
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
    """Return the films to validate on: about a fifth, at least one.

    A film that was held out before is held out again, and a film that was trained on before is not; otherwise the error
    of the old weights would be biased. New films are chosen by a hash of their name.

    Args:
        films: all labelled films.
        held_before, trained_before: films held out and trained on by earlier trainings.
    Raises:
        TrainingError: there are too few films; the message says how many are needed.

    >>> len(hold_out([f"film {k}" for k in range(20)], [], []))
    4
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
    """Return the progress of a bundle's newest training and the result of the last successful one; empty if none.

    Both are read from files, because the training may run in another process. Damaged files count as missing, because a
    training may be stopped at any moment.
    """
    runs = sorted(path.parent for path in (bundle / RUNS).glob(f"*/{FILMS}"))
    progress = _read_json(runs[-1] / PROGRESS) if runs else {}
    results = (_read_json(run / RESULT) for run in reversed(runs))
    return progress, next(filter(None, results), {})


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def trained_on(bundle: Path) -> set[str]:
    """Return the films that a bundle's weights were fine-tuned on; empty if none of the new weights came into use."""
    films: set[str] = set()
    for path in (bundle / RUNS).glob(f"*/{RESULT}"):
        result = _read_json(path)
        films.update(result.get("trained", ()) if result.get("replaced") else ())
    return films


@contextmanager
def weights_locked(bundle: Path) -> Iterator[None]:
    """Keep other processes from replacing a bundle's weights. The system releases the lock even after a kill.

    Raises:
        TrainingError: a training of the bundle is running.
        FileNotFoundError: there is no bundle.
    """
    if not (bundle / "configs" / "inference.json").is_file():
        raise FileNotFoundError(f"'{bundle}' is not a bundle: it has no configs/inference.json.")
    (bundle / RUNS).mkdir(parents=True, exist_ok=True)
    lock = FileLock(bundle / RUNS / ".lock", timeout=0)
    try:
        held = lock.acquire()
    except Timeout as error:
        raise TrainingError(f"Another training of '{bundle}' is running; wait for it or stop it.") from error
    with held:
        yield


def seen_before(bundle: Path) -> tuple[set[str], set[str]]:
    """Return the films that earlier trainings held out and trained on, according to their film lists."""
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
    """Remove the weights in run folders, which are either in use or rejected by now; lists and curves stay."""
    for stage in get_args(Stage):
        for weights in (bundle / RUNS).glob(f"*/{stage}/*.pt"):
            weights.unlink()


def _list_entry(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item's entry in the film list."""
    entry = {key: item[key] for key in ("film", "image", "points_px", "spacing_mm") if key in item}
    return {**entry, "film": str(entry["film"]), "image": str(Path(entry["image"]).resolve())}


@contextmanager
def _random_state_restored() -> Iterator[None]:
    """Restore random states and cuDNN flags, which train.json sets for the whole process."""
    from monai.utils import get_seed, set_determinism

    cudnn = torch.backends.cudnn
    flags, seed = (cudnn.deterministic, cudnn.benchmark), get_seed()
    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            set_determinism(seed)
            cudnn.deterministic, cudnn.benchmark = flags
            random.setstate(states[0])
            np.random.set_state(states[1])


class _Errors(NamedTuple):
    """Hold errors (F, N) on held-out films: NaN where there is no label, infinity where no landmark was found.

    ``face_size`` is the typical distance of a landmark from the centre of its face, in the same unit.
    """

    errors: np.ndarray
    unit: Literal["mm", "px"]
    face_size: float


def _held_out_errors(predictor: Predictor, items: Sequence[Mapping[str, Any]]) -> _Errors:
    predictions = [predictor.predict(predictor.load(Path(item["image"]))) for item in items]
    known = all(prediction.spacing_mm is not None for prediction in predictions)
    spacings = [prediction.spacing_mm if known else (1.0, 1.0) for prediction in predictions]
    scale = torch.tensor(spacings, dtype=torch.float64)[:, None]
    pred = torch.from_numpy(np.stack([prediction.points_px for prediction in predictions])) * scale
    true = torch.from_numpy(np.stack([np.asarray(item["points_px"], dtype=np.float64) for item in items])) * scale
    errors = radial_error(pred, true).numpy()
    missed = np.isfinite(true.numpy()).all(-1) & ~np.isfinite(errors)
    centres = np.nanmedian(true, axis=1, keepdims=True)
    size = float(np.nanmedian(np.linalg.norm(true - centres, axis=-1)))
    return _Errors(np.where(missed, np.inf, errors), "mm" if known else "px", size)


def _held_out_error(errors: np.ndarray, left_out: np.ndarray, unit: Literal["mm", "px"]) -> HeldOutError:
    """Summarise the errors of the landmarks that were found."""
    counted = errors[np.isfinite(errors) & ~left_out]
    near = float((counted <= NEAR_MM).mean()) if unit == "mm" else None
    return HeldOutError(float(counted.mean()), float(np.median(counted)), unit, near)


def weights_check(bundle: Path) -> Callable[[Path], None]:
    """Return a function that raises WeightsError if a bundle cannot load the weights in a file."""
    from monai.bundle import ConfigParser

    def check(path: Path) -> None:
        parser = ConfigParser()
        parser.read_config(str(bundle / "configs" / "inference.json"))
        load_weights(parser.get_parsed_content("network_def"), path)

    return check


def _train(
    bundle: Path, stage: Stage, run: Path, weights: Path, epochs: int | None, device: str, progress: _Progress
) -> Path:
    """Train one stage from given weights and return the path of the new ones."""
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
                config_file=[str(path) for path in _training_files(bundle, stage)],
                meta_file=bundle_file(bundle, "metadata"),
                logging_file=False,
                **overrides,
            )
            workflow.initialize()
            progress.attach(workflow.parser.get_parsed_content("train#trainer"), stage)
            workflow.run()
    except (RuntimeError, ValueError, OSError) as error:
        raise TrainingError(
            f"Training the {stage} stage failed; the weights in use are unchanged. {root_cause(error)}"
        ) from error
    return folder / "model.pt"


def _training_files(bundle: Path, stage: Stage) -> list[Path]:
    return [Path(bundle_file(bundle, name)) for name in ("train", f"train_{stage}", "finetune")]


def bundle_file(bundle: Path, config: str) -> str:
    """Return the path of a bundle's config, or of the shipped one, so that a bundle for inference can be trained."""
    in_bundle = bundle / "configs" / f"{config}.json"
    return str(in_bundle if in_bundle.is_file() else default_bundle() / "configs" / f"{config}.json")


class _Progress:
    """Report each epoch as text and in a small file, and stop a training whose loss is not finite."""

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
                f"The loss became {_loss(engine)} in epoch {engine.state.epoch}. Check that all labels are on their "
                "landmarks, or lower learning_rate in configs/finetune.json."
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

"""Fine-tune a bundle on a few corrected films, and replace its weights only if they do not get worse."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from monai_ceph.atomic import write_text
from monai_ceph.data.film_list import film_list_text
from monai_ceph.finetuning import runs
from monai_ceph.finetuning.held_out import HeldOutError, compare, held_out_errors, hold_out, summarise_errors
from monai_ceph.finetuning.replace_weights import replace_weights
from monai_ceph.finetuning.runs import Stage, TrainingError
from monai_ceph.finetuning.stage import (
    Progress,
    Tell,
    random_state_restored,
    train_stage,
    training_files,
    weights_check,
)
from monai_ceph.predictor.bundle import read_config
from monai_ceph.predictor.torch_predictor import load_torch_predictor
from monai_ceph.predictor.trust import check_trusted

if TYPE_CHECKING:
    import pandas as pd


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


def finetune(
    bundle: Path,
    items: Sequence[Mapping[str, Any]],
    *,
    stages: Sequence[Stage] = ("local",),
    replay: Sequence[Mapping[str, Any]] = (),
    epochs: int | None = None,
    spacing_mm: float | None = None,
    device: str = "auto",
    tell: Tell = lambda line: None,
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
    with runs.weights_locked(bundle):
        runs.remove_weights(bundle)  # of trainings that were killed
        held_out = hold_out(list(labelled), *runs.seen_before(bundle))
        predictor = load_torch_predictor(bundle, spacing_mm, device, trust=trust)
        for stage in order:
            check_trusted(bundle, read_config(*training_files(bundle, stage)), "training", trust)
        run = runs.new_run(bundle)
        new = [
            {**_list_entry(item), "spacing_mm": spacing_mm, "part": "held_out" if film in held_out else "new"}
            for film, item in labelled.items()
        ]
        old = [{"spacing_mm": spacing_mm, **_list_entry(item), "part": "base"} for item in replay]
        write_text(run / runs.FILMS, film_list_text([*new, *old]))
        tell(f"{len(new)} labelled films, {len(held_out)} of them held out, {len(old)} films of the replay set")

        validation = [labelled[film] for film in held_out]
        before, unit, face_size = held_out_errors(predictor, validation)
        weights, progress = model, Progress(run, order, tell)
        with random_state_restored():
            for stage in order:
                weights = train_stage(bundle, stage, run, weights, epochs, device, progress)
        retrained = load_torch_predictor(bundle, spacing_mm, device, weights, trust=trust)
        after, _, _ = held_out_errors(retrained, validation)
        if not np.isfinite(after).any():
            raise TrainingError("The new weights do not find any landmark; the weights in use are unchanged.")
        comparison = compare(before, after, face_size)
        previous = replace_weights(model, weights, run.name, weights_check(bundle)) if comparison.accepted else None
        symbols = predictor.scheme.symbols
        result = FinetuneResult(
            replaced=comparison.accepted,
            before=summarise_errors(before, comparison.absurd, unit),
            after=summarise_errors(after, comparison.absurd, unit),
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
        write_text(run / runs.RESULT, json.dumps(result.as_json(), indent=1) + "\n")
        runs.remove_weights(bundle)
    tell(str(result))
    return result


def _list_entry(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item's entry in the film list."""
    entry = {key: item[key] for key in ("film", "image", "points_px", "spacing_mm") if key in item}
    return {**entry, "film": str(entry["film"]), "image": str(Path(entry["image"]).resolve())}

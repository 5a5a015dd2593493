"""``python -m monai_ceph.commands.demo``: train, predict and evaluate on drawn films, in minutes on two cores.

The demo draws phantom films, trains both stages through the bundle's own configs, predicts unseen films, evaluates the
predictions, and writes pictures and tables. It uses the shipped configs with smaller settings: films with 0.4 mm
pixels, a small U-Net and few epochs.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.atomic import make_folder, write_text
from monai_ceph.commands.evaluate import print_evaluation
from monai_ceph.data.film import read_film
from monai_ceph.data.film_search import find_films
from monai_ceph.evaluation import evaluate
from monai_ceph.film_names import film_name
from monai_ceph.formats.annotations import read_annotations
from monai_ceph.landmarks import ISBI19
from monai_ceph.metrics.reference_scores import ReferenceScores
from monai_ceph.phantoms import write_phantoms
from monai_ceph.prediction import Prediction
from monai_ceph.predictor.bundle import paper_bundle
from monai_ceph.training.mute_logging import mute_logging
from monai_ceph.training.phantom_settings import GLOBAL, INFERENCE, LOCAL, SIZE, SPACING_MM
from monai_ceph.writers.evaluation_files import evaluation_json
from monai_ceph.writers.evaluation_table import evaluation_text

PARTS = ("films", "training", "pictures")
"""Folders that a demo creates, and that the next demo in the same place replaces."""
MARK = ".monai_ceph_demo"
"""File in the output folder that marks these folders as created by a demo."""
UNSEEN_SEED = 10_000
"""Seed of the first unseen film, far from those of the training films."""


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the arguments, run :func:`demo` and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m monai_ceph.commands.demo", description="Train, predict and evaluate on phantoms."
    )
    parser.add_argument("--output", type=Path, default=Path("demo_output"), help="default: demo_output")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda:0")
    arguments = parser.parse_args(argv)
    try:
        demo(arguments.output, device=arguments.device)
    except (ValueError, OSError, ImportError) as error:
        print(f"demo: error: {error}", file=sys.stderr)
        return 1
    return 0


def demo(output: Path, *, films: int = 24, unseen: int = 6, epochs: int = 110, device: str = "cpu") -> ReferenceScores:
    """Draw phantoms, train both stages, predict unseen films and score the predictions.

    Args:
        output: folder; only folders that an earlier demo created in it are replaced.
        films: number of training films; a sixth of them, at least one, is used to select the best weights.
        unseen: number of films to predict and score.
        epochs: epochs of each stage.
        device: device for training and prediction.
    Returns:
        The scores on the unseen films.
    Raises:
        ValueError, OSError, ImportError: the folder cannot be written or holds folders that no demo created, or an
            extra is missing.
    """
    import ignite  # noqa: F401  fail now rather than after the films are drawn
    import PIL  # noqa: F401

    start = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - start:4.0f} s] {text}", flush=True)

    output = make_folder(output).resolve()
    _clear(output)

    say(f"drawing {films + unseen} phantom films: {films} for training and {unseen} unseen")
    seen_dir, unseen_dir = output / "films" / "training", output / "films" / "unseen"
    names = [film_name(path) for path in write_phantoms(seen_dir, films, 0, SIZE, SPACING_MM)]
    write_phantoms(unseen_dir, unseen, UNSEEN_SEED, SIZE, SPACING_MM)

    work = output / "training"
    common = {"bundle_root": str(work), "device": f"$torch.device('{device}')"}
    training = {**common, "dataset_dir": str(seen_dir), "validation_films": names[:: max(2, min(6, films))]}
    with mute_logging():
        for stage, settings in (("global", GLOBAL), ("local", LOCAL)):
            say(f"training the {stage} stage, {epochs} epochs")
            overrides = {**training, **settings, "epochs": epochs, "val_interval": max(1, epochs // 5)}
            workflow = _workflow(["train", f"train_{stage}", "own_films"], overrides)
            _show_progress(workflow.parser.get_parsed_content("train#trainer"), stage)
            workflow.run()
        say(f"finding the landmarks on the {unseen} unseen films")
        inference = {**common, **INFERENCE, "dataset_dir": str(unseen_dir), "output_dir": str(output)}
        _workflow(["inference"], inference).run()

    say("scoring\n")
    truth = unseen_dir / "points.csv"
    scores = evaluate(output / "landmarks.csv", [truth], spacing_mm=SPACING_MM)
    print_evaluation(scores)
    write_text(output / "scores.json", evaluation_json(scores))
    write_text(output / "scores.txt", evaluation_text(scores))
    picture = _draw(output, unseen_dir, truth)
    print()
    say("done. Drawn films are easier than real ones: these scores only show that all parts work together.")
    print(
        f"  pictures    {picture}  (and others beside it; yellow: predicted, blue: truth)\n"
        f"  landmarks   {output / 'landmarks.csv'}\n"
        f"  scores      {output / 'scores.txt'}\n"
        f"  weights     {work / 'models' / 'model.pt'}\n"
        f"  curves      tensorboard --logdir '{work / 'runs'}'"
    )
    return scores.scores[0]


def _clear(output: Path) -> None:
    """Remove the folders of an earlier demo; refuse to remove others, which may hold a user's only films."""
    existing = [part for part in PARTS if (output / part).exists()]
    if existing and not (output / MARK).is_file():
        raise ValueError(
            f"'{output}' holds {', '.join(existing)}, which no demo created and a demo would replace; "
            "choose another output folder."
        )
    write_text(output / MARK, "Created by the demo. Its next run replaces the folders " + ", ".join(PARTS) + ".\n")
    for part in existing:
        shutil.rmtree(output / part)


def _workflow(configs: Sequence[str], overrides: dict[str, Any]) -> Any:
    """Return an initialised workflow of the shipped configs with overrides."""
    from monai.bundle import ConfigWorkflow

    folder = paper_bundle() / "configs"
    workflow = ConfigWorkflow(
        config_file=[str(folder / f"{name}.json") for name in configs],
        meta_file=str(folder / "metadata.json"),
        logging_file=False,
        **overrides,
    )
    workflow.initialize()
    return workflow


def _show_progress(trainer: Any, stage: str) -> None:
    """Print epoch, loss and seconds left: on one changing line in a terminal, else every tenth of the training."""
    from ignite.engine import Events

    start, terminal = time.monotonic(), sys.stdout.isatty()

    def show(engine: Any) -> None:
        epoch, epochs, output = engine.state.epoch, engine.state.max_epochs, engine.state.output
        if terminal or epoch == epochs or epoch % max(1, epochs // 10) == 0:
            left = (time.monotonic() - start) / epoch * (epochs - epoch)
            loss = float((output[0] if isinstance(output, list) else output)["loss"])
            text = f"  {stage} stage: epoch {epoch:3d} of {epochs}, loss {loss:.4f}, {left:3.0f} s left"
            print(text, end="\r" if terminal and epoch < epochs else "\n", flush=True)

    trainer.add_event_handler(Events.EPOCH_COMPLETED, show)


def _draw(output: Path, films: Path, truth: Path) -> Path:
    """Write overlays of all unseen films and return the path of the first."""
    from monai_ceph.writers.overlay import write_overlay

    pictures = make_folder(output / "pictures")
    predicted, expected = (read_annotations(path, ISBI19).points_px for path in (output / "landmarks.csv", truth))
    paths = []
    for film in find_films([films]):
        name, unknown = film_name(film), np.full(len(ISBI19), np.nan)
        prediction = Prediction(film.name, ISBI19, predicted[name], unknown, (SPACING_MM, SPACING_MM), "user")
        paths.append(pictures / f"{name}.overlay.png")
        write_overlay(paths[-1], read_film(film)[0], prediction, expected[name])
    return paths[0]


if __name__ == "__main__":
    sys.exit(main())

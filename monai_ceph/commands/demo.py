"""``python -m monai_ceph.commands.demo``: the whole job on drawn films, in a few minutes on two cores.

Draws phantom films, trains both stages through the bundle's own configs, predicts on films that training never saw,
scores, and leaves a picture and tables. Everything is the shipped system but smaller: films of 0.4 mm pixels, a slim
U-Net, few epochs.
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
from monai_ceph.commands import evaluate
from monai_ceph.data.film import read_film
from monai_ceph.data.film_search import find_films
from monai_ceph.film_names import film_name
from monai_ceph.formats.annotations import read_annotations
from monai_ceph.landmarks import ISBI19
from monai_ceph.metrics.reference_scores import ReferenceScores
from monai_ceph.phantoms import write_phantoms
from monai_ceph.prediction import Prediction
from monai_ceph.predictor.bundle import paper_bundle
from monai_ceph.training.mute_logging import mute_logging
from monai_ceph.training.phantom_settings import GLOBAL, INFERENCE, LOCAL, SIZE, SPACING_MM
from monai_ceph.writers.evaluation_table import evaluation_text

PARTS = ("films", "training", "pictures")
"""The folders that a demo makes, and the next demo in the same place replaces."""
MARK = ".monai_ceph_demo"
"""A file in the output folder that says: these parts are a demo's."""
UNSEEN_SEED = 10_000
"""Films are drawn from their seeds: these are far from those of the training films."""


def main(argv: Sequence[str] | None = None) -> int:
    """Parses the arguments and runs :func:`demo`; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m monai_ceph.commands.demo", description="The whole job on phantoms."
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


def demo(
    output: Path,
    *,
    films: int = 24,
    unseen: int = 6,
    global_epochs: int = 110,
    local_epochs: int = 110,
    device: str = "cpu",
) -> ReferenceScores:
    """Draw, train, predict, score.

    Args:
        output: a folder; what an earlier demo left in it is replaced, nobody else's folders are.
        films: how many to train on; a sixth of them, at least one, choose the best weights.
        unseen: how many to predict and score.
        global_epochs, local_epochs: how long to train the stages.
        device: where to train and predict.
    Returns:
        The score on the unseen films.
    Raises:
        ValueError, OSError, ImportError: the folder cannot be written or holds what no demo made, or an extra is
            missing.
    """
    import ignite  # noqa: F401  both would be missed only after the drawing
    import PIL  # noqa: F401

    start = time.monotonic()
    output = make_folder(output).resolve()
    _clear(output)

    _say(start, f"drawing {films + unseen} phantom films, {films} to train on and {unseen} that training never sees")
    seen_dir, unseen_dir = output / "films" / "training", output / "films" / "unseen"
    names = [film_name(path) for path in write_phantoms(seen_dir, films, 0, SIZE, SPACING_MM)]
    write_phantoms(unseen_dir, unseen, UNSEEN_SEED, SIZE, SPACING_MM)

    work = output / "training"
    common = {
        "bundle_root": str(work),
        "device": f"$torch.device('{device}')",
    }
    training = {**common, "dataset_dir": str(seen_dir), "validation_films": names[:: max(2, min(6, films))]}
    with mute_logging():
        for stage, settings, epochs in (("global", GLOBAL, global_epochs), ("local", LOCAL, local_epochs)):
            _say(start, f"training the {stage} stage, {epochs} epochs")
            _train(stage, {**training, **settings, "epochs": epochs, "val_interval": max(1, epochs // 5)})
        _say(start, f"finding the landmarks on the {unseen} unseen films")
        inference = {**common, **INFERENCE, "dataset_dir": str(unseen_dir), "output_dir": str(output)}
        _workflow(["inference"], inference).run()

    _say(start, "scoring\n")
    truth = unseen_dir / "points.csv"
    scores = evaluate.run(output / "landmarks.csv", [truth], spacing_mm=SPACING_MM, json_file=output / "scores.json")
    write_text(output / "scores.txt", evaluation_text(scores))
    picture = _draw(output, unseen_dir, truth)
    print()
    _say(start, "done. Drawn films are easier than real ones: these figures say that all parts work together, no more.")
    print(
        f"  pictures    {picture}  (and beside it; yellow: found, blue: truth)\n"
        f"  landmarks   {output / 'landmarks.csv'}\n"
        f"  scores      {output / 'scores.txt'}\n"
        f"  weights     {work / 'models' / 'model.pt'}\n"
        f"  curves      tensorboard --logdir '{work / 'runs'}'"
    )
    return scores.scores[0]


def _clear(output: Path) -> None:
    """Removes what an earlier demo left. A folder "films" that somebody else made may be all their films."""
    theirs = [part for part in PARTS if (output / part).exists()]
    if theirs and not (output / MARK).is_file():
        raise ValueError(
            f"'{output}' holds {', '.join(theirs)}, which no demo made and a demo would replace; "
            "choose another output folder."
        )
    write_text(output / MARK, "The demo's: its next run here replaces the folders " + ", ".join(PARTS) + ".\n")
    for part in theirs:
        shutil.rmtree(output / part)


def _workflow(configs: Sequence[str], overrides: dict[str, Any]) -> Any:
    """A bundle's workflow, initialised. The configs are the shipped ones; only overrides differ."""
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


def _train(stage: str, overrides: dict[str, Any]) -> None:
    workflow = _workflow(["train", f"train_{stage}", "own_films"], overrides)
    _Progress(stage).attach(workflow.parser.get_parsed_content("train#trainer"))
    workflow.run()


class _Progress:
    """One line that grows on a terminal, one line a tenth elsewhere: epoch, loss, seconds left."""

    def __init__(self, stage: str) -> None:
        self.stage, self.start = stage, time.monotonic()

    def attach(self, engine: Any) -> None:
        from ignite.engine import Events

        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Any) -> None:
        epoch, epochs = engine.state.epoch, engine.state.max_epochs
        terminal, last = sys.stdout.isatty(), epoch == epochs
        if not (terminal or last or epoch % max(1, epochs // 10) == 0):
            return
        left = (time.monotonic() - self.start) / epoch * (epochs - epoch)
        output = engine.state.output
        loss = float(output[0]["loss"] if isinstance(output, list) else output["loss"])
        text = f"  {self.stage} stage: epoch {epoch:3d} of {epochs}, loss {loss:.4f}, {left:3.0f} s left"
        print(text, end="\r" if terminal and not last else "\n", flush=True)


def _draw(output: Path, films: Path, truth: Path) -> Path:
    """Overlays of all unseen films; returns the first."""
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


def _say(start: float, text: str) -> None:
    print(f"[{time.monotonic() - start:4.0f} s] {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

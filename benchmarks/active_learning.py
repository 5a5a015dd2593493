"""Compare strategies of active learning with random choice, on drawn films of three scanners.

    python -m benchmarks.active_learning --run_dir /path/for/weights

writes ``benchmarks/results/active_learning.csv`` and draws ``docs/images/active_learning.svg`` from it (``--draw`` only
draws the figure from the table). It takes twenty minutes on two idle cores; an interrupted run can be continued.

A clinic's films are in a pool: most of them from the scanner that the model was trained on, some from another scanner,
and a few from a third. In each round a strategy chooses films by the predictions of the last round's model or by their
appearance. They get their true landmarks, and the start model is fine-tuned on them together with its own training
films, always for the same number of steps. The error is measured on unseen films, with the same number from each
scanner. All strategies see the same pools; each repeat has its own pool and training seeds.

The strategies are those of the MONAI Label app, asked for a whole round at once. The films that the start model was
trained on are unknown to the strategies, so "most different" starts with the pool's most typical film, as in the app.
"""

from __future__ import annotations

import csv
import functools
import json
import logging
import shutil
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.utils import set_determinism
from tqdm import tqdm

from benchmarks.films import bundle_settings
from benchmarks.provenance import command_line, commit, machine_name, versions, write_results
from monai_ceph.active_learning.selection import farthest_first, film_uncertainty, thumbnail
from monai_ceph.atomic import write_text
from monai_ceph.data.film_search import find_films
from monai_ceph.film_names import film_name
from monai_ceph.formats.annotations import read_annotations
from monai_ceph.phantoms import STYLES, write_phantoms
from monai_ceph.plots.save import save_plot
from monai_ceph.plots.style import BLUE, GREEN, INK, ORANGE, TEXT_PT, new_figure, plain, title
from monai_ceph.predictor.bundle import paper_bundle
from monai_ceph.predictor.torch_predictor import TorchPredictor, load_torch_predictor
from monai_ceph.training.phantom_settings import GLOBAL, INFERENCE, LOCAL, SIZE, SPACING_MM

REPOSITORY = Path(__file__).resolve().parents[1]
KINDS = "abc"
# The third scanner has smaller heads and dark, soft, noisy films.
THIRD = replace(STYLES["b"], magnification=0.86, exposure=0.55, gamma=1.5, blur_mm=0.4, noise=0.03, base=0.05)
LOOKS = {**STYLES, "c": THIRD}
STRATEGIES = {"random": INK, "most_uncertain": ORANGE, "most_different": BLUE}
COLUMNS = (
    "strategy",
    "repeat",
    "labelled",
    *(f"labelled_{k}" for k in KINDS),
    "mre_mm",
    *(f"mre_mm_{k}" for k in KINDS),
)


@dataclass(frozen=True)
class Plan:
    """Size of the experiment.

    Args:
        base: films of the first scanner that the start model is trained on.
        pool: films of each scanner to choose from.
        unseen: films of each scanner to evaluate on.
        rounds, a_round: number of rounds, and films chosen per round.
        repeats: repeats of everything except the start model and the unseen films.
        start_steps, steps: training steps per stage of the start model and of each round.
    """

    base: int = 12
    pool: tuple[int, int, int] = (36, 8, 4)
    unseen: int = 8
    rounds: int = 4
    a_round: int = 4
    repeats: int = 3
    start_steps: int = 500
    steps: int = 120


@dataclass
class Film:
    """A drawn film: its scanner, its item for training, and its feature vector."""

    kind: str
    item: dict[str, Any]
    feature: np.ndarray

    @property
    def path(self) -> Path:
        return Path(self.item["image"])


def draw(folder: Path, kind: str, count: int, seed: int) -> list[dict[str, Any]]:
    """Draw films of a scanner and return them as items for training."""
    drawn = folder / "points.csv"  # written after all films
    if not drawn.exists():
        write_phantoms(folder, count, seed, SIZE, SPACING_MM, style=LOOKS[kind])
    paths = find_films([folder])
    truth = read_annotations(drawn).points_px
    return [{"image": str(p), "points_px": truth[film_name(p)].astype(np.float32), "film": str(p)} for p in paths]


def make_bundle(folder: Path) -> Path:
    """Write a bundle with the demo's small settings and without weights."""
    (folder / "configs").mkdir(parents=True, exist_ok=True)
    (folder / "models").mkdir(exist_ok=True)
    shipped = paper_bundle() / "configs"
    shutil.copy(shipped / "metadata.json", folder / "configs")
    config = ConfigParser(json.loads((shipped / "inference.json").read_text(encoding="utf-8")))
    for key, value in INFERENCE.items():
        config[key] = value
    write_text(folder / "configs" / "inference.json", json.dumps(config.get(), indent=1))
    return folder


def train(bundle: Path, items: Sequence[Mapping[str, Any]], start: Path | None, steps: int, seed: int) -> None:
    """Train both stages with the bundle's training configuration and the demo's settings, into ``models/model.pt``.

    Args:
        bundle: see :func:`make_bundle`.
        items: the films to train on.
        start: weights to start from; None trains from scratch.
        steps: batches per stage.
        seed: seed of the training.
    """
    logging.getLogger("monai").setLevel(logging.ERROR)
    weights = bundle / "models" / "model.pt"
    for stage, settings in (("global", GLOBAL), ("local", LOCAL)):
        begin = start if stage == "global" else weights
        batches = len(items) // settings["films_per_batch"]
        epochs = max(1, round(steps / batches))
        overrides = {
            **settings,
            "bundle_root": str(bundle),
            "device": "$torch.device('cpu')",
            "seed": seed,
            "init_weights": None if begin is None else str(begin),
            "learning_rate": settings["learning_rate"] * (1 if start is None else 0.5),
            "train_datalist": [dict(item) for item in items],
            "val_datalist": [dict(items[0])],
            "epochs": epochs,
            "val_interval": epochs + 1,
            "checkpoint_interval": epochs + 1,
        }
        config = bundle_settings("train", f"train_{stage}")
        for key, value in overrides.items():
            config[key] = value
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            config.get_parsed_content("initialize")
            config.get_parsed_content("run")
        torch.save(config.get_parsed_content("ema").ema_model.state_dict(), weights)
        shutil.rmtree(bundle / "runs", ignore_errors=True)
    set_determinism(None)


def mean_error_mm(predictor: TorchPredictor, films: Sequence[Mapping[str, Any]]) -> float:
    """Return the mean radial error on films."""
    points_px = [predictor.predict(predictor.load(Path(film["image"]))).points_px for film in films]
    offsets = np.stack(points_px) - np.stack([film["points_px"] for film in films])
    return float(np.linalg.norm(offsets * SPACING_MM, axis=-1).mean())


def choose(
    strategy: str, predictor: TorchPredictor, free: Sequence[Film], known: Sequence[Film], count: int, seed: int
) -> list[int]:
    """Return the positions in ``free`` of the films to label next."""
    if strategy == "random":
        return np.random.default_rng(seed).permutation(len(free))[:count].tolist()
    if strategy == "most_different":
        features, others = (np.array([film.feature for film in films]) for films in (free, known))
        return [row for row, _ in farthest_first(features, others, count)]
    uncertainty = [film_uncertainty(predictor.predict(predictor.load(film.path)).confidence) for film in free]
    return np.argsort(-np.array(uncertainty), kind="stable")[:count].tolist()


class Experiment:
    """Make the films and the start model once, in the run's folder.

    Args:
        run_dir: folder for films, weights and finished curves.
        plan: size of the experiment.
    Raises:
        ValueError: the folder holds a run of another plan.
    """

    def __init__(self, run_dir: Path, plan: Plan) -> None:
        self.run_dir, self.plan = run_dir, plan
        record = run_dir / "plan.txt"
        if record.exists() and record.read_text(encoding="utf-8") != str(plan):
            raise ValueError(f"'{run_dir}' holds a run of {record.read_text(encoding='utf-8')}; choose another folder.")
        run_dir.mkdir(parents=True, exist_ok=True)
        write_text(record, str(plan))
        self.unseen = {kind: draw(run_dir / "unseen" / kind, kind, plan.unseen, 90_000) for kind in KINDS}
        self.base = draw(run_dir / "base", "a", plan.base, 0)
        start = make_bundle(run_dir / "start")
        self.start = start / "models" / "model.pt"
        if not self.start.exists():
            work = make_bundle(run_dir / "start training")
            train(work, self.base, None, plan.start_steps, seed=0)
            (work / "models" / "model.pt").replace(self.start)
        self.predictor = load_torch_predictor(start, SPACING_MM, "cpu")

    def pool(self, repeat: int) -> list[Film]:
        """Return all films of a repeat that can be chosen."""
        films = []
        for kind, count in zip(KINDS, self.plan.pool, strict=True):
            for item in draw(self.run_dir / f"pool {repeat}" / kind, kind, count, 10_000 * (repeat + 1)):
                film = self.predictor.load(Path(item["image"]))["image"]
                films.append(Film(kind, item, thumbnail(np.asarray(film)[0])))
        return films

    def curve(self, strategy: str, repeat: int) -> list[list[Any]]:
        """Return the table's rows of one strategy on one pool, from the run's folder if they are finished."""
        finished = self.run_dir / f"{strategy} {repeat}.json"
        if finished.exists():
            rows: list[list[Any]] = json.loads(finished.read_text(encoding="utf-8"))
            return rows
        known: list[Film] = []
        free, predictor = self.pool(repeat), self.predictor
        rows = [self._row(strategy, repeat, known, predictor)]
        bundle = make_bundle(self.run_dir / "work" / f"{strategy} {repeat}")
        for turn in range(self.plan.rounds):
            seed = 100 * repeat + turn
            chosen = choose(strategy, predictor, free, known, self.plan.a_round, seed)
            known += [free[k] for k in chosen]
            free = [film for k, film in enumerate(free) if k not in chosen]
            train(bundle, [*self.base, *(film.item for film in known)], self.start, self.plan.steps, seed)
            predictor = load_torch_predictor(bundle, SPACING_MM, "cpu")
            rows.append(self._row(strategy, repeat, known, predictor))
        write_text(finished, json.dumps(rows))
        return rows

    def _row(self, strategy: str, repeat: int, known: Sequence[Film], predictor: TorchPredictor) -> list[Any]:
        by_kind = [mean_error_mm(predictor, self.unseen[kind]) for kind in KINDS]
        labelled = [sum(film.kind == kind for film in known) for kind in KINDS]
        errors = [f"{error:.3f}" for error in (float(np.mean(by_kind)), *by_kind)]
        return [strategy, repeat, len(known), *labelled, *errors]


@functools.cache
def experiment(run_dir: Path, plan: Plan) -> Experiment:
    """Return this process's experiment, on one thread because the networks are too small for two."""
    torch.set_num_threads(1)
    return Experiment(run_dir, plan)


def prepare(run_dir: Path, plan: Plan) -> None:
    """Make films and start model before several processes need them."""
    experiment(run_dir, plan)


def curve(run_dir: Path, plan: Plan, strategy: str, repeat: int) -> list[list[Any]]:
    """Call :meth:`Experiment.curve` in a process of a pool."""
    return experiment(run_dir, plan).curve(strategy, repeat)


def films_needed(labelled: Sequence[float], error: Sequence[float], reach: float) -> float:
    """Return how many labelled films are needed to reach an error, by linear interpolation; infinity if never.

    Args:
        labelled, error: the curve, in order.
        reach: the error to reach.
    """
    for k, value in enumerate(error):
        if value <= reach:
            if k == 0:
                return labelled[0]
            fraction = (error[k - 1] - reach) / (error[k - 1] - value)
            return labelled[k - 1] + fraction * (labelled[k] - labelled[k - 1])
    return float("inf")


def means(table: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read strategy -> (R,) numbers of labelled films and (S, R) errors of its S repeats from the table."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    curves = {}
    for strategy in dict.fromkeys(row["strategy"] for row in rows):
        selected = [row for row in rows if row["strategy"] == strategy]
        labelled = sorted({int(row["labelled"]) for row in selected})
        repeats = sorted({row["repeat"] for row in selected})
        errors = {(row["repeat"], int(row["labelled"])): float(row["mre_mm"]) for row in selected}
        curves[strategy] = np.array(labelled), np.array([[errors[r, n] for n in labelled] for r in repeats])
    return curves


def draw_figure(table: Path, path: Path) -> None:
    """Plot the table as curves: a line for the mean of each strategy and a dot for each repeat."""
    figure = new_figure(3.6)
    axes = figure.add_subplot()
    plain(axes, grid="y")
    for k, (strategy, (labelled, errors)) in enumerate(means(table).items()):
        color = STRATEGIES.get(strategy, GREEN)
        axes.plot(labelled, errors.mean(axis=0), color=color, linewidth=1.8, label=strategy.replace("_", " "))
        shifted = labelled + 0.12 * (k - 1)  # otherwise dots of the same number of films would overlap
        axes.plot(np.tile(shifted, len(errors)), errors.ravel(), "o", color=color, markersize=3, alpha=0.6)
    axes.set_ylim(0, 1.1 * axes.dataLim.y1)
    axes.set_xlabel("labelled films", fontsize=TEXT_PT, color=INK)
    axes.set_ylabel("mean error on unseen films (mm)", fontsize=TEXT_PT, color=INK)
    axes.legend(frameon=False, fontsize=TEXT_PT)
    title(figure, "Which films to label first", "Drawn films of three scanners; dots are repeats, lines their means.")
    _, png = save_plot(figure, path)
    png.unlink()


def conclusions(table: Path) -> list[str]:
    """Return for each strategy the final error, and the films it needs to match the final error of random choice."""
    curves = means(table)
    reach = float(curves["random"][1].mean(axis=0)[-1])
    lines = []
    for strategy, (numbers, errors) in curves.items():
        mean = errors.mean(axis=0)
        needed = films_needed(numbers.tolist(), mean.tolist(), reach)
        films = f"{needed:.1f}" if np.isfinite(needed) else f"more than {numbers[-1]}"
        last = f"{mean[-1]:.2f} mm ({errors[:, -1].min():.2f} to {errors[:, -1].max():.2f})"
        lines.append(f"{strategy}: {last} after {numbers[-1]} films; {films} films for random's {reach:.2f} mm")
    return lines


def run(run_dir: Path, output: Path, plan: Plan, workers: int) -> None:
    """Run all curves in several processes and write the table."""
    todo = [(strategy, repeat) for repeat in range(plan.repeats) for strategy in STRATEGIES]
    rows = []
    # Spawned rather than forked, because torch already has threads.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as processes:
        processes.submit(prepare, run_dir, plan).result()
        curves = [processes.submit(curve, run_dir, plan, strategy, repeat) for strategy, repeat in todo]
        for done in tqdm(as_completed(curves), total=len(curves), unit="curve"):
            rows += done.result()
            strategy, repeat = done.result()[0][:2]
            tqdm.write(f"{strategy}, repeat {repeat}: " + ", ".join(f"{row[2]}: {row[6]}" for row in done.result()))
    rows.sort(key=lambda row: (list(STRATEGIES).index(row[0]), row[1], row[2]))
    made = [
        "drawn films, 0.4 mm pixels, the demo's small system; errors on "
        f"{plan.unseen} unseen films of each of 3 scanners, their mean",
        str(plan),
        f"{workers} processes, each {machine_name(torch.device('cpu'), 1)}",
        commit(),
        versions("torch", "monai"),
        "command: python -m benchmarks.active_learning --run_dir ...",
    ]
    write_results(output, made, COLUMNS, rows)


def main() -> None:
    parser = command_line(__doc__, "active_learning.csv")
    parser.add_argument("--run_dir", type=Path, help="films, weights and finished curves")
    parser.add_argument("--draw", action="store_true", help="only draw the figure from the existing table")
    parser.add_argument("--figure", type=Path, default=REPOSITORY / "docs" / "images" / "active_learning.svg")
    parser.add_argument("--workers", type=int, default=2, help="processes, of one thread each (default: 2)")
    for name in ("repeats", "rounds", "steps"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Plan, name))
    arguments = parser.parse_args()
    if not arguments.draw:
        if arguments.run_dir is None:
            parser.error("name a folder with --run_dir, or draw what is there with --draw")
        plan = Plan(repeats=arguments.repeats, rounds=arguments.rounds, steps=arguments.steps)
        run(arguments.run_dir, arguments.output, plan, arguments.workers)
    draw_figure(arguments.output, arguments.figure.with_suffix(""))
    print("\n".join(conclusions(arguments.output)))


if __name__ == "__main__":
    main()

"""Plot the learning curves of a bundle's training from its TensorBoard logs, and write the numbers as CSV.

python tools/learning_curves.py runs/global runs/local --output docs/images/learning_curves
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def curve(folder: Path, tag: str) -> list[tuple[int, float]]:
    """Return (step, value) of one scalar; steps that a resumed run repeated replace the earlier ones."""
    points: dict[int, float] = {}
    for file in sorted(folder.glob("events.out.tfevents.*")):
        events = EventAccumulator(str(file), size_guidance={"scalars": 0})
        events.Reload()
        if tag in events.Tags()["scalars"]:
            points.update({event.step: event.value for event in events.Scalars(tag)})
    return sorted(points.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, help="folders of TensorBoard logs, one per stage")
    parser.add_argument("--titles", nargs="+", help="one per folder (default: the folders' names)")
    parser.add_argument(
        "--output", required=True, type=Path, help="file name without suffix; .png and .csv are written"
    )
    parser.add_argument("--mean_of", type=int, default=31, help="iterations to average per point (default: 31)")
    arguments = parser.parse_args()

    rows: list[tuple[str, str, int, float]] = []
    figure, axes = plt.subplots(1, len(arguments.runs), figsize=(6 * len(arguments.runs), 3.6), squeeze=False)
    titles = arguments.titles or [run.name for run in arguments.runs]
    for ax, run, title in zip(axes[0], arguments.runs, titles, strict=True):
        loss = curve(run, "loss")
        steps = [int(np.mean([s for s, _ in part])) for part in _parts(loss, arguments.mean_of)]
        means = [float(np.mean([v for _, v in part])) for part in _parts(loss, arguments.mean_of)]
        ax.semilogy(steps, means, color="tab:blue")
        ax.set(title=title, xlabel="iteration", ylabel="training loss")
        rows += [(title, "loss", s, round(v, 5)) for s, v in zip(steps, means, strict=True)]
        error = curve(run, "MRE_mm")
        if error:
            right = ax.twinx()
            per_epoch = loss[-1][0] / error[-1][0]
            right.semilogy([s * per_epoch for s, _ in error], [v for _, v in error], "o-", color="tab:red")
            right.set_ylabel("MRE on the validation films (mm)", color="tab:red")
            rows += [(title, "MRE_mm", int(s * per_epoch), round(v, 4)) for s, v in error]
    figure.tight_layout()
    figure.savefig(arguments.output.with_suffix(".png"), dpi=110)
    with arguments.output.with_suffix(".csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["stage", "what", "iteration", "value"])
        table.writerows(rows)


def _parts(points: list[tuple[int, float]], size: int) -> list[list[tuple[int, float]]]:
    return [points[i : i + size] for i in range(0, len(points), size)]


if __name__ == "__main__":
    main()

"""The README's table and chart of models, from ``benchmarks/results/models.csv``.

python -m benchmarks.report            rewrites what is between the marks in README.md, and the chart
python -m benchmarks.report --check    says what is out of date, with exit status 1, and writes nothing
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.models.registry import MODELS
from monai_ceph.atomic import write_text
from monai_ceph.plots.save import as_svg, save_plot
from monai_ceph.plots.style import BLUE, FAINT, INK, ORANGE, SMALL_PT, TEXT_PT, new_figure, plain, title
from monai_ceph.writers.overlay import place_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path("benchmarks/results/models.csv")
CHART = Path("docs/images/accuracy_against_time")
BEGIN, END = "<!-- from here on made by benchmarks/report.py -->", "<!-- up to here made by benchmarks/report.py -->"
OURS = "two_stage"
HEADER = (
    *("model", "MRE [95 %] (mm)", "SDR 2 mm [95 %] (%)", "parameters (million)", "GFLOP a film", "training (min)"),
    *("iterations", "ms a film", "memory (MB)", "computed in", "library"),
)

Row = dict[str, str]


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Parses the command line; the exit status is 1 where ``--check`` finds something out of date."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, say what is out of date")
    check: bool = parser.parse_args(argv).check
    provenance, rows = read_results(root / RESULTS)
    figure, readme = chart(rows), root / "README.md"
    text = readme.read_text(encoding="utf-8")
    new = with_section(text, section(provenance, rows))
    if not check:
        save_plot(figure, root / CHART)
        write_text(readme, new)
        return 0
    picture = (root / CHART).with_suffix(".svg")
    current = {readme: new == text, picture: picture.is_file() and picture.read_text("utf-8") == as_svg(figure)}
    for path, same in current.items():
        if not same:
            print(f"{path} is not what {RESULTS} says; run: python -m benchmarks.report", file=sys.stderr)
    return 0 if all(current.values()) else 1


def read_results(path: Path) -> tuple[str, list[Row]]:
    """The first line without its ``#``, which says how the figures were made, and a row a model."""
    first, *table = path.read_text(encoding="utf-8").splitlines()
    if not first.startswith("# "):
        raise ValueError(
            f"Expected a first line '# ...' in '{path}' that says how the figures were made, got {first!r}."
        )
    return first[2:], list(csv.DictReader(table))


def section(provenance: str, rows: Sequence[Row]) -> str:
    """The README's section: chart, table, and how it was made."""
    how, _, command = provenance.partition("; command: ")
    lines = [
        "## Beside other models",
        "",
        "The same films, split, ground truth, training time and scoring for all; nothing was chosen on the held-out",
        "films. The budget is small: this says what each model learns quickly, not what it could learn. Rules and fine",
        "print: [benchmarks/README.md](benchmarks/README.md).",
        "",
        f"![Error against time a film, one point a model]({CHART.with_suffix('.svg').as_posix()})",
        "",
        "| " + " | ".join(HEADER) + " |",
        "|" + "---|" * len(HEADER),
        *("| " + " | ".join(_cells(row)) + " |" for row in rows),
        "",
        "In that time: "
        + "; ".join(f"{MODELS[row['model']].title}: {row['remarks']}" for row in rows if row["remarks"])
        + ".",
        "",
        f"{how}. Printed by `{command}`.",
    ]
    return "\n".join(lines)


def with_section(text: str, new: str) -> str:
    """A page with what is between the marks replaced.

    Raises:
        ValueError: the marks are not there, once each and in this order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in after:
        raise ValueError(f"Expected the lines '{BEGIN}' and '{END}' once each, in this order.")
    return f"{before}{BEGIN}\n\n{new}\n\n{END}{after}"


def chart(rows: Sequence[Row]) -> Figure:
    """Mean radial error with its interval over the time that a film takes, both logarithmic: some learn slowly."""
    figure = new_figure(4.8)
    axes = figure.add_subplot()
    milliseconds, error, low, high = (
        np.array([float(row[name]) for row in rows]) for name in ("ms_per_film", "mre_mm", "mre_low", "mre_high")
    )
    for k, row in enumerate(rows):
        axes.errorbar(
            milliseconds[k],
            error[k],
            yerr=[[error[k] - low[k]], [high[k] - error[k]]],
            fmt="o",
            markersize=7,
            capsize=3,
            color=_colour(row),
            zorder=3 if row["model"] == OURS else 2,
        )
    axes.set_xscale("log")
    axes.set_xlim(milliseconds.min() / 1.6, milliseconds.max() * 2.2)
    axes.set_yscale("log")
    axes.set_ylim(low.min() / 1.3, high.max() * 1.3)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else "")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else "")
    plain(axes, grid="y")
    axes.tick_params(which="minor", length=3.5, pad=3.5, labelsize=TEXT_PT, labelcolor=INK, color=FAINT)
    axes.set_xlabel("ms a film, from the file to the points", fontsize=TEXT_PT, color=INK)
    axes.set_ylabel("mean radial error (mm)", fontsize=TEXT_PT, color=INK)
    title(figure, "Error and time", "Lower left is better. Bars: 95 % intervals, a bootstrap over films.")
    figure.draw_without_rendering()  # lays the axes out, so that places in points are known
    _label(axes, rows, np.stack([milliseconds, error], -1), np.stack([low, high], -1))
    return figure


def _label(axes: Axes, rows: Sequence[Row], points: np.ndarray, bars: np.ndarray) -> None:
    """Each model's label beside its point, off the other points, bars and labels."""

    def to_pt(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        place = axes.transData.transform(np.stack([x, y], -1)) - axes.bbox.min
        return place * 72 / axes.figure.dpi * [1, -1] + [0, height]

    width, height = axes.bbox.size * 72 / axes.figure.dpi
    anchors = to_pt(points[:, 0], points[:, 1])
    bottom, top = (to_pt(points[:, 0], bars[:, k])[:, 1] for k in (0, 1))
    taken = [(x - 5, min(y - 5, t), x + 5, max(y + 5, b)) for (x, y), t, b in zip(anchors, top, bottom, strict=True)]
    labels = [MODELS[row["model"]].label for row in rows]
    sizes = [(0.56 * SMALL_PT * len(text) + 6, 1.3 * SMALL_PT) for text in labels]
    places = place_labels(anchors, sizes, taken, (width, height), 7.0)
    for row, text, (left, upper, right, lower) in zip(rows, labels, places, strict=True):
        x, y = (left + right) / 2 / width, 1 - (upper + lower) / 2 / height
        axes.text(x, y, text, transform=axes.transAxes, fontsize=SMALL_PT, color=_colour(row), ha="center", va="center")


def _colour(row: Row) -> str:
    if row["model"] == OURS:
        return BLUE
    return ORANGE if row["source"].startswith("landmarker") else INK


def _cells(row: Row) -> list[str]:
    def number(name: str, decimals: int) -> str:
        return f"{float(row[name]):.{decimals}f}" if row[name] else "-"

    def with_interval(name: str, low: str, high: str, decimals: int) -> str:
        interval = f" [{number(low, decimals)}, {number(high, decimals)}]" if row[low] and row[high] else ""
        return number(name, decimals) + interval

    text = MODELS[row["model"]].title
    return [
        f"**{text}**" if row["model"] == OURS else text,
        with_interval("mre_mm", "mre_low", "mre_high", 2),
        with_interval("sdr_2", "sdr_2_low", "sdr_2_high", 1),
        f"{int(row['parameters']) / 1e6:.2f}",
        number("gflop_per_film", 1),
        number("training_minutes", 1),
        row["iterations"],
        number("ms_per_film", 0),
        number("peak_memory_mb", 0),
        row["dtype"].removesuffix(" autocast"),
        row["source"].removesuffix(" (this commit)"),  # which commit, the line below the table says
    ]


if __name__ == "__main__":
    sys.exit(main())

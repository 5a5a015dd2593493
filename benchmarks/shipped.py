"""Evaluate shipped weights on the ISBI 2015 validation films and on the films of another clinic.

python -m benchmarks.shipped --isbi2015 DIR --hamedan DIR [--bundle DIR ...]

Runs ``monai-ceph predict`` and ``monai-ceph evaluate`` as a user would, and writes benchmarks/results/shipped.csv: a
row for each bundle, set of films, comparison and landmark. The README, docs/results.md, the model card and the bundle's
metadata.json take their figures from that table (``python -m benchmarks.report``).
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.provenance import origin, write_results
from monai_ceph.cli import main as monai_ceph
from monai_ceph.predictor.bundle import DEFAULT, PAPER

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "shipped.csv"
BUNDLES = [ROOT / "bundles" / name for name in (PAPER, DEFAULT)]
TRAINED_ON_ALL = {DEFAULT}
"""Bundles whose weights have seen the ISBI 2015 validation films: these say nothing about them."""
STATISTICS = {
    "mre_mm": "mre",
    "sd_mm": "sd",
    "median_mm": "median",
    **{f"sdr_{mm}mm_percent": f"sdr_{mm}" for mm in ("2", "2.5", "3", "4")},
}
"""What ``monai-ceph evaluate --summary`` calls each statistic, and the column here; ``_low`` and ``_high`` follow."""
HEADER = (
    *("bundle", "films", "compared", "landmark", "n"),
    *(f"{name}{end}" for name in STATISTICS.values() for end in ("", "_low", "_high")),
)
PREDICTIONS, OBSERVERS = "predictions", "observers"


@dataclass(frozen=True)
class FilmSet:
    """Films and their observers' annotations.

    Args:
        name: what the results call the set.
        films: film files, or one folder of them.
        references: one source of annotations for each of two observers.
        spacing_mm: size of a film pixel, mm.
    """

    name: str
    films: Sequence[Path]
    references: Sequence[Path]
    spacing_mm: float


def main(argv: Sequence[str] | None = None) -> int:
    """Predict, evaluate and write the table; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shipped", description=__doc__)
    parser.add_argument("--isbi2015", required=True, type=Path, help="folder with cepha400/ and train_*.csv")
    parser.add_argument("--hamedan", required=True, type=Path, help="folder with images/, observer_a/ and observer_b/")
    parser.add_argument("--bundle", nargs="+", type=Path, default=BUNDLES, help="default: both")
    arguments = parser.parse_args(argv)
    rows = [
        [bundle.name, films.name, *row]
        for bundle in arguments.bundle
        for films in film_sets(arguments.isbi2015, arguments.hamedan)
        if not (bundle.name in TRAINED_ON_ALL and films.name == "isbi2015_validation")
        for row in evaluate(bundle, films)
    ]
    made = (
        "25 ISBI 2015 validation films (006, 012 ... 150) and 20 Hamedan films; ground truth: mean of both observers",
        "intervals: 95 % percentile bootstrap over films, 9999 resamples",
        *origin("python -m benchmarks.shipped --isbi2015 ... --hamedan ..."),
    )
    write_results(RESULTS, made, HEADER, rows)
    return 0


def film_sets(isbi2015: Path, hamedan: Path) -> Iterator[FilmSet]:
    """Yield the films that the shipped figures are about; none was trained on."""
    validation = [isbi2015 / "cepha400" / f"{number:03}.jpg" for number in range(6, 151, 6)]
    yield FilmSet(
        "isbi2015_validation", validation, [isbi2015 / f"train_{who}.csv" for who in ("senior", "junior")], 0.1
    )
    yield FilmSet("hamedan", [hamedan / "images"], [hamedan / f"observer_{who}" for who in "ab"], 0.127)


def evaluate(bundle: Path, films: FilmSet) -> list[list[str]]:
    """Return the rows of one bundle and one set of films, without the names of both.

    Raises:
        RuntimeError: a command failed; it has said why on standard error.
    """
    spacing = ("--spacing", str(films.spacing_mm))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        landmarks, summary = folder / "landmarks.csv", folder / "summary.csv"
        run("predict", *films.films, "--output", folder, *spacing, "--bundle", bundle, "--format", "csv")
        run("evaluate", landmarks, *films.references, *spacing, "--summary", summary)
        with summary.open(encoding="utf-8", newline="") as file:
            return table(list(csv.reader(file))[1:])


def run(*arguments: object) -> None:
    """Run ``monai-ceph`` with these arguments."""
    if status := monai_ceph([str(argument) for argument in arguments]):
        raise RuntimeError(f"Expected 'monai-ceph {arguments[0]}' to succeed, got exit status {status}; see above.")


def table(summary: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return a row a comparison and landmark, from the rows of ``monai-ceph evaluate --summary``.

    Args:
        summary: rows of compared, reference, protocol, landmark, statistic, value, low, high.
    """
    rows: dict[tuple[str, str], dict[str, Sequence[str]]] = {}
    for compared, _, _, landmark, statistic, *values in summary:
        kind = PREDICTIONS if compared == PREDICTIONS else OBSERVERS
        rows.setdefault((kind, landmark), {})[statistic] = values
    return [
        [*key, statistics["n"][0], *(cell for name in STATISTICS for cell in statistics[name])]
        for key, statistics in rows.items()
    ]


if __name__ == "__main__":
    sys.exit(main())

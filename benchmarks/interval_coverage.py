"""Measure how often 95 % intervals (percentile and BCa) contain the true value, for statistics of a few films.

    python benchmarks/interval_coverage.py --dataset_dir /path/to/isbi2015

writes ``benchmarks/results/interval_coverage.csv``. The population are the distances between both observers on the 150
training films of ISBI 2015, whose statistics are known. Studies of a few films are drawn from it with replacement, and
each study's interval either contains the known value or not. Like a network's errors, these errors have long tails.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.stats import bootstrap

from benchmarks.provenance import command_line, write_results
from monai_ceph.formats.annotations import read_annotations

FILMS = (10, 25, 50)
STUDIES = 300
RESAMPLES = 999
METHODS = ("percentile", "BCa")
FIGURES = ("mre", "median", "sdr_2")


def figures(errors_mm: np.ndarray) -> np.ndarray:
    """Return (3, ...) MRE, median and SDR at 2 mm over all landmarks of errors (..., F, N), mm."""
    flat = errors_mm.reshape(*errors_mm.shape[:-2], -1)
    return np.stack([flat.mean(-1), np.median(flat, axis=-1), 100 * (flat <= 2).mean(-1)])


def main() -> None:
    parser = command_line(__doc__, "interval_coverage.csv")
    parser.add_argument("--dataset_dir", required=True, type=Path)
    arguments = parser.parse_args()

    tables = (arguments.dataset_dir / f"train_{observer}.csv" for observer in ("senior", "junior"))
    senior, junior = (read_annotations(table).points_px for table in tables)
    population = np.stack([np.linalg.norm(senior[film] - junior[film], axis=-1) * 0.1 for film in sorted(senior)])
    truth, rng = figures(population), np.random.default_rng(0)

    rows = []
    for films in FILMS:
        held = {method: np.zeros(len(FIGURES)) for method in METHODS}
        for _ in range(STUDIES):
            study = population[rng.integers(0, len(population), films)]
            for method, count in held.items():
                low, high = bootstrap(
                    (np.arange(films),),
                    lambda drawn, axis, study=study: figures(study[drawn]),
                    vectorized=True,
                    axis=-1,
                    n_resamples=RESAMPLES,
                    batch=100,
                    method=method,
                    rng=rng,
                ).confidence_interval
                count += (low <= truth) & (truth <= high)
        rows += [[films, method, *np.round(100 * count / STUDIES, 1)] for method, count in held.items()]
    made = [f"{STUDIES} studies, {RESAMPLES} resamples", "share of intervals that hold the population's, percent"]
    write_results(arguments.output, made, ("films", "method", *FIGURES), rows)


if __name__ == "__main__":
    main()

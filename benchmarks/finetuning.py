"""Fine-tune on ten films of another clinic, with and without a replay set, in two halves of 20 films.

    python -m benchmarks.finetuning --films hamedan/images --references hamedan/observer_a hamedan/observer_b \\
        --spacing 0.127 --base /path/to/isbi2015

writes ``benchmarks/results/finetuning.csv``. The shipped bundle is fine-tuned as by the annotation server on one half
of the films (the training itself holds out a fifth of them to decide) and predicts the other half, and vice versa. So
every film is predicted with weights that were not trained on it. Ground truth is the mean of the observers. The ISBI
2015 validation films show how much was forgotten; the replay set is that data set's training films.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from benchmarks.provenance import command_line, origin, write_results
from monai_ceph.data import isbi2015_datalist
from monai_ceph.data.datalist import datalist
from monai_ceph.data.replay_set import ISBI_MM, ISBI_VALIDATION, read_replay_set
from monai_ceph.finetuning.finetune import finetune
from monai_ceph.finetuning.runs import Stage
from monai_ceph.landmarks import ISBI19
from monai_ceph.metrics.interval import intervals
from monai_ceph.metrics.summary import error_statistics
from monai_ceph.predictor.bundle import paper_bundle
from monai_ceph.predictor.torch_predictor import load_torch_predictor

STAGES: tuple[Stage, ...] = ("local",)
COLUMNS = (
    *("training", "replaced", "mre_mm", "mre_low", "mre_high", "sdr_2", "isbi_mre_mm", "isbi_sdr_2"),
    "minutes",
)


def errors_mm(bundle: Path, items: Sequence[dict[str, Any]], spacing_mm: float) -> np.ndarray:
    """Return the (F, N) radial errors of the weights in use, mm."""
    system = load_torch_predictor(bundle, spacing_mm, "cpu")
    found = [system.predict(system.load(Path(item["image"]))).points_px for item in items]
    distances: np.ndarray = np.linalg.norm(np.stack(found) - np.stack([i["points_px"] for i in items]), axis=-1)
    return distances * spacing_mm


def main() -> None:
    parser = command_line(__doc__, "finetuning.csv")
    parser.add_argument("--films", required=True, type=Path)
    parser.add_argument("--references", required=True, type=Path, nargs="+")
    parser.add_argument("--spacing", required=True, type=float)
    parser.add_argument("--base", required=True, type=Path, help="the ISBI 2015 data set")
    parser.add_argument("--only", nargs="+", default=("none", "new films", "new films and replay set"))
    arguments = parser.parse_args()

    films = datalist(arguments.films, arguments.references)
    halves = films[::2], films[1::2]
    kept = isbi2015_datalist(arguments.base, films=list(ISBI_VALIDATION))
    base = read_replay_set(arguments.base, ISBI19)
    trainings: dict[str, Sequence[dict[str, Any]] | None] = {
        "none": None,
        "new films": (),
        "new films and replay set": base,
    }
    rows = []
    for name in arguments.only:
        new, old, replaced, seconds = [], [], 0, 0.0
        for mine, others in (halves, halves[::-1]):
            with tempfile.TemporaryDirectory() as folder:
                bundle = shutil.copytree(paper_bundle(), Path(folder) / "bundle")
                mixed = trainings[name]
                if mixed is not None:
                    start = time.process_time()
                    result = finetune(
                        bundle, mine, stages=STAGES, replay=mixed, spacing_mm=arguments.spacing, device="cpu"
                    )
                    seconds += time.process_time() - start
                    replaced += result.replaced
                new.append(errors_mm(bundle, others, arguments.spacing))
                old.append(errors_mm(bundle, kept, ISBI_MM))
                print(
                    f"{name}: {np.nanmean(new[-1]):.3f} mm on the other half, {np.nanmean(old[-1]):.3f} mm on ISBI",
                    flush=True,
                )
        every = np.concatenate(new)
        score, isbi, bounds = (
            error_statistics(every),
            error_statistics(np.concatenate(old)),
            intervals(every)["overall"]["mre"],
        )
        numbers = (score["mre"], *bounds, score["sdr_percent"]["2"], isbi["mre"], isbi["sdr_percent"]["2"])
        rows.append([name, f"{replaced} of 2", *(f"{number:.4g}" for number in (*numbers, seconds / 120))])
        print(", ".join(rows[-1]), flush=True)

    made = [
        f"{len(films)} films of another clinic, each found by weights trained on the other half; ground truth: mean of "
        f"{len(arguments.references)} observers; replay set: {len(base)} ISBI 2015 training films",
        *origin("python -m benchmarks.finetuning --films ... --references ... --spacing ... --base ..."),
    ]
    write_results(arguments.output, made, COLUMNS, rows)


if __name__ == "__main__":
    main()

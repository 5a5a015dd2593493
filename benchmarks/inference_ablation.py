"""Compare ways of using the two trained stages, on the validation films with the shipped weights.

    python -m benchmarks.inference_ablation --dataset_dir /path/to/isbi2015

writes ``benchmarks/results/inference_ablation.csv``. Nothing is trained; ground truth is the mean of both observers.
Each row differs from the shipped configuration, or from the paper's, by what its name says.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.ablation_common import PAPER, SHIPPED, ValidationFilms, write_table
from benchmarks.provenance import command_line
from monai_ceph.heatmaps import decode_argmax, decode_soft_centroid, decode_threshold_mean
from monai_ceph.inferers import FastTwoStageInferer, GlobalStageInferer
from monai_ceph.predictor.bundle import paper_bundle
from monai_ceph.predictor.torch_predictor import load_torch_predictor

BASELINE = "shipped: own centre patch, no guide"


def inferers() -> dict[str, Callable[..., Any]]:
    """Return name -> inferer, in the order of the table."""

    def changed(**settings: Any) -> dict[str, Any]:
        return SHIPPED | settings

    settings = {
        "paper: all patches merged, epsilon 1.8": PAPER,
        "paper without Expand: epsilon 1": {**PAPER, "expansion": 1.0},
        "paper, a landmark's own patches and channel": {**PAPER, "merge": "own"},
        "paper, guide 28 px": {**PAPER, "guide_sigma_px": 28.0},
        BASELINE: SHIPPED,
        "shipped, all patches merged": changed(merge="all"),
        "shipped, epsilon 1.2": changed(expansion=1.2),
        "shipped, epsilon 1.5": changed(expansion=1.5),
        "shipped, epsilon 1.8": changed(expansion=1.8),
        "shipped, guide 10 px": changed(guide_sigma_px=10.0),
        "shipped, guide 28 px": changed(guide_sigma_px=28.0),
        "shipped, patch 96 px": changed(patch_size=96),
        "shipped, patch 112 px": changed(patch_size=112),
        "shipped, patch 160 px": changed(patch_size=160),
        "shipped, coarse argmax": changed(coarse_decoder=decode_argmax),
        "shipped, coarse threshold mean": changed(coarse_decoder=decode_threshold_mean),
        "shipped, position argmax": changed(decoder=decode_argmax),
        "shipped, position soft centroid": changed(decoder=decode_soft_centroid),
    }
    table: dict[str, Callable[..., Any]] = {
        f"global stage alone, {name}": GlobalStageInferer(decoder=decoder)
        for name, decoder in (
            ("argmax", decode_argmax),
            ("threshold mean", decode_threshold_mean),
            ("soft centroid", decode_soft_centroid),
        )
    }
    return table | {name: FastTwoStageInferer(**setting) for name, setting in settings.items()}


def main() -> None:
    parser = command_line(__doc__, "inference_ablation.csv")
    parser.add_argument("--dataset_dir", required=True, type=Path)
    arguments = parser.parse_args()

    films = ValidationFilms(arguments.dataset_dir)
    network = load_torch_predictor(paper_bundle(), spacing_mm=0.1).network
    results = {}
    for name, inferer in tqdm(inferers().items(), desc="ways"):
        results[name] = errors = films.errors_mm(network, inferer)
        tqdm.write(f"{name}: MRE {errors.mean():.3f} mm, SDR2 {100 * (errors <= 2).mean():.2f} %")
    rows = {(name,): (errors, results[BASELINE]) for name, errors in results.items()}
    write_table(arguments.output, ("inference",), rows, films, f"shipped weights; first row: {BASELINE}")


if __name__ == "__main__":
    main()

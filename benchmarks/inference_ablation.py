"""Which way of using the two trained stages is best? One table, on the validation films, with the shipped weights.

    python benchmarks/inference_ablation.py --dataset_dir /path/to/isbi2015

writes ``benchmarks/results/inference_ablation.csv``. Nothing is trained; ground truth is the mean of both observers.
Each row differs from the shipped configuration by what its name says.
"""

from __future__ import annotations

import argparse
import csv
import functools
import platform
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import monai
import numpy as np
import torch
from monai.bundle import ConfigParser
from tqdm import tqdm

from monai_ceph.commands.system import default_bundle, load_system
from monai_ceph.data import isbi2015_datalist
from monai_ceph.heatmaps import decode_argmax, decode_soft_centroid, decode_threshold_mean
from monai_ceph.inferers import AutocastInferer, GlobalStageInferer, TwoStageInferer
from monai_ceph.metrics.summary import figures
from monai_ceph.transforms import PointsToFilmd

SHIPPED: dict[str, Any] = {
    "patch_size": 128,
    "expansion": 1.0,
    "merge": "own",
    "guide_sigma_px": None,
    "coarse_decoder": decode_soft_centroid,
    "decoder": decode_threshold_mean,
}
PAPER: dict[str, Any] = {
    "patch_size": 125,
    "expansion": 1.8,
    "merge": "all",
    "guide_sigma_px": None,
    "coarse_decoder": decode_argmax,
    "decoder": decode_threshold_mean,
}


def inferers() -> dict[str, Callable[..., Any]]:
    """Name -> inferer, in the order of the table."""
    changed = functools.partial(dict, SHIPPED)
    settings = {
        "paper: all patches merged, epsilon 1.8": PAPER,
        "paper without Expand: epsilon 1": {**PAPER, "expansion": 1.0},
        "paper, a landmark's own patches and channel": {**PAPER, "merge": "own"},
        "paper, guide 28 px": {**PAPER, "guide_sigma_px": 28.0},
        "shipped: own centre patch, no guide": SHIPPED,
        "shipped, all patches merged": changed(merge="all"),
        "shipped, epsilon 1.2": changed(expansion=1.2),
        "shipped, guide 10 px": changed(guide_sigma_px=10.0),
        "shipped, guide 28 px": changed(guide_sigma_px=28.0),
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
    return table | {name: TwoStageInferer(**setting) for name, setting in settings.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset_dir", required=True, type=Path)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "inference_ablation.csv")
    arguments = parser.parse_args()

    config = ConfigParser()
    config.read_config([str(default_bundle() / "configs" / name) for name in ("inference.json", "evaluate.json")])
    items = isbi2015_datalist(arguments.dataset_dir, films=config.get_parsed_content("validation_films"))
    system = load_system(spacing_mm=0.1)
    to_film = PointsToFilmd()
    films = [{**item, **system.load(Path(item["image"]))} for item in tqdm(items, desc="reading films")]

    rows = []
    for name, inferer in tqdm(inferers().items(), desc="ways"):
        run, errors = AutocastInferer(inferer), []
        for film in films:
            with torch.inference_mode():
                pred = run(film["image"][None].to(system.device), system.network)[0]
            out = to_film({**film, "pred": pred})
            errors.append((out["pred_mm"] - out["target_mm"]).norm(dim=-1).numpy())
        score = figures(np.stack(errors))
        rates = [round(rate, 2) for rate in score["sdr_percent"].values()]
        rows.append([name, round(score["mre"], 3), round(score["sd"], 3), *rates])
        tqdm.write(", ".join(map(str, rows[-1])))

    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    with arguments.output.open("w", newline="") as file:
        file.write(
            f"# {len(films)} ISBI 2015 validation films, mean of both observers, commit {commit.stdout.strip()}, "
            f"torch {torch.__version__}, MONAI {monai.__version__}, {torch.get_num_threads()} threads, "
            f"{platform.machine()}, {system.device}\n"
        )
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["inference", "mre_mm", "sd_mm", "sdr_2", "sdr_2.5", "sdr_3", "sdr_4"])
        table.writerows(rows)


if __name__ == "__main__":
    main()

"""Measure the effect of each training choice on the validation films; every row is a separate training.

    python -m benchmarks.training_ablation --dataset_dir /path/to/isbi2015 --run_dir /path/for/weights

writes ``benchmarks/results/training_ablation.csv``. Each row differs from the first of its stage only in the setting
that its name says; films, start, schedule, seed and code are the same, the bundle's own training configuration.

Every row continues from the shipped weights for one learning-rate cycle (up to the same peak of 2e-3 and down to zero)
with its setting, so it shows how the setting changes a trained network. Training from scratch (``--from_scratch``, with
the configured epochs) would be more informative but takes hours on two cores. A short schedule from scratch ends at
several mm, where differences only show the speed of learning.

The other stage is the shipped one. The final weights are evaluated: nothing is selected on the validation films, and
there is no moving average. Finished rows are kept in ``--run_dir``, so an interrupted run can be continued.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.ablation_common import PAPER, SHIPPED, ValidationFilms, write_table
from benchmarks.films import bundle_settings
from benchmarks.provenance import command_line
from monai_ceph.heatmaps import decode_soft_centroid
from monai_ceph.inferers import FastTwoStageInferer, GlobalStageInferer, TwoStageInferer
from monai_ceph.predictor.bundle import paper_bundle
from monai_ceph.predictor.torch_predictor import load_torch_predictor

SCHEDULE: dict[str, Mapping[str, Any]] = {
    "local": {"epochs": 40, "films_per_batch": 4, "samples_per_film": 1},
    "global": {"epochs": 5, "films_per_batch": 2},
}
"""1240 batches of 4 patches and 310 of 2 windows: a seventeenth and a tenth of the shipped weights' training."""

DICE_FOCAL = {"train#loss": {"_target_": "DiceFocalLoss", "softmax": True}}
FAR = "no patches far from landmarks (the paper)"
LOCAL_PATCHES = "stage_transforms#0#"
GLOBAL_WINDOWS = "stage_transforms#1#"

ONE_LOSS = {"BCE only": {"train#loss#focal_weight": 0.0}, "focal only": {"train#loss#bce_weight": 0.0}}

ROWS: dict[str, dict[str, Mapping[str, Any]]] = {
    "local": {
        "as shipped": {},
        FAR: {LOCAL_PATCHES + "far_prob": 0.0},
        **ONE_LOSS,
        "no augmentation": {
            "augmentation": [],
            LOCAL_PATCHES + "rotate_deg": 0.0,
            LOCAL_PATCHES + "scale": 0.0,
        },
        "sigma 2.5 px": {"sigma_px": 2.5},
        "sigma 10 px": {"sigma_px": 10.0},
        "MONAI DiceFocalLoss": DICE_FOCAL,
        "as shipped, another seed": {"seed": 1},
    },
    "global": {
        "as shipped": {},
        **ONE_LOSS,
        "no augmentation": {
            "augmentation": [],
            GLOBAL_WINDOWS + "shift_px": 0.0,
            GLOBAL_WINDOWS + "rotate_deg": 0.0,
            GLOBAL_WINDOWS + "scale": 0.0,
            "stage_transforms#2#prob": 0.0,
        },
        "sigma 3.33 px": {"sigma_px": 10 / 3},
        "sigma 13.3 px": {"sigma_px": 40 / 3},
        "MONAI DiceFocalLoss": DICE_FOCAL,
        "as shipped, another seed": {"seed": 1},
    },
}


def train(
    stage: str, overrides: Mapping[str, Any], dataset_dir: Path, run_dir: Path, from_scratch: bool
) -> dict[str, torch.Tensor]:
    """Train one stage with the bundle's configuration.

    Args:
        stage: ``"global"`` or ``"local"``.
        overrides: configuration id -> value, applied to the shipped configuration of that stage.
        dataset_dir: ISBI 2015 data set, see `monai_ceph.data.isbi2015_datalist`.
        run_dir: folder for logs.
        from_scratch: train with the configured schedule instead of ``SCHEDULE`` from the shipped weights.
    Returns:
        The state of the stage's network after the last iteration.
    """
    config = bundle_settings("train", f"train_{stage}")
    schedule = {} if from_scratch else SCHEDULE[stage]
    epochs = schedule.get("epochs", config["epochs"])
    settings = {
        "bundle_root": str(paper_bundle()),
        "dataset_dir": str(dataset_dir),
        "model_dir": str(run_dir / "model"),
        "run_dir": str(run_dir),
        "init_weights": None if from_scratch else str(paper_bundle() / "models" / "model.pt"),
        "resume": False,
        **schedule,
        "val_interval": epochs + 1,
        "checkpoint_interval": epochs,
    }
    for key, value in {**settings, **overrides}.items():
        config[key] = value
    config.parse()
    config.get_parsed_content("initialize")
    config.get_parsed_content("run")
    trained: torch.nn.Module = config.get_parsed_content("trained_net")
    return {name: value.detach().cpu().clone() for name, value in trained.state_dict().items()}


def with_stage(stage: str, weights: Path) -> Path:
    """Write the shipped weights with one stage replaced, beside that stage's weights."""
    both = torch.load(paper_bundle() / "models" / "model.pt", weights_only=True)
    both |= {f"{stage}_net.{name}": value for name, value in torch.load(weights, weights_only=True).items()}
    torch.save(both, weights.with_name("both_stages.pt"))
    return weights.with_name("both_stages.pt")


def inferers(stage: str, name: str) -> dict[str, Any]:
    """Return the inferers to score a row with, including the paper's if the row is about it."""
    shipped = FastTwoStageInferer(**SHIPPED)
    if stage == "global":
        return {
            "global stage alone": GlobalStageInferer(decoder=decode_soft_centroid),
            "with the shipped local stage": shipped,
        }
    ways: dict[str, Any] = {"shipped inference": shipped}
    if name in ("as shipped", FAR):
        ways |= {
            "the paper's inference": TwoStageInferer(**PAPER),
            "the paper's without Expand": TwoStageInferer(**{**PAPER, "expansion": 1.0}),
        }
    return ways


def main() -> None:
    parser = command_line(__doc__, "training_ablation.csv")
    parser.add_argument("--dataset_dir", required=True, type=Path)
    parser.add_argument("--run_dir", required=True, type=Path, help="weights and errors of each row, and logs")
    parser.add_argument("--stage", choices=tuple(ROWS), help="train this stage's rows only")
    parser.add_argument("--from_scratch", action="store_true", help="whole schedules; for a GPU")
    arguments = parser.parse_args()
    stages = [arguments.stage] if arguments.stage else list(ROWS)

    films = ValidationFilms(arguments.dataset_dir)
    todo = [(stage, name) for stage in stages for name in ROWS[stage]]
    results: dict[tuple[str, str, str], np.ndarray] = {}
    for stage, name in tqdm(todo, desc="rows"):
        folder = arguments.run_dir / stage / "".join(c if c.isalnum() else "_" for c in name)
        weights = folder / "weights.pt"
        if not weights.exists():
            folder.mkdir(parents=True, exist_ok=True)
            torch.save(train(stage, ROWS[stage][name], arguments.dataset_dir, folder, arguments.from_scratch), weights)
        network = load_torch_predictor(paper_bundle(), spacing_mm=0.1, weights=with_stage(stage, weights)).network
        for way, inferer in inferers(stage, name).items():
            kept = folder / f"{way}.npy"
            if not kept.exists():
                np.save(kept, films.errors_mm(network, inferer))
            results[stage, name, way] = np.load(kept)
            errors = results[stage, name, way]
            tqdm.write(f"{stage}, {name}, {way}: MRE {errors.mean():.3f} mm, SDR2 {100 * (errors <= 2).mean():.2f} %")

    rows = {
        (stage, way, name): (errors, results[stage, "as shipped", way])
        for (stage, name, way), errors in results.items()
    }
    start = "from scratch, whole schedules" if arguments.from_scratch else f"from the shipped weights, {SCHEDULE}"
    write_table(arguments.output, ("stage", "inference", "training"), rows, films, start)


if __name__ == "__main__":
    main()

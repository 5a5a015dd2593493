"""A bundle like the shipped one, with a tiny network, low resolution and random weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from monai.bundle import ConfigParser

from tests.bundles.tiny import TINY, TINY_FINETUNING

INFERENCE = {
    **{key: TINY[key] for key in ("cpu_dtype", "local_spacing_mm", "patch_size")},
    "low_confidence": 0.0,
    "stage_net": {
        "_target_": "BasicUNet",
        "spatial_dims": 2,
        "out_channels": "$len(@landmark_scheme) + 1",
        "features": TINY["stage_net#features"],
    },
}


def make_bundle(shipped: Path, folder: Path, **changes: object) -> Path:
    """A copy of the shipped bundle's inference.json with changes, and weights that fit it."""
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    shutil.copy(shipped / "configs" / "metadata.json", folder / "configs")
    config = json.loads((shipped / "configs" / "inference.json").read_text(encoding="utf-8"))
    (folder / "configs" / "inference.json").write_text(json.dumps({**config, **INFERENCE, **changes}), encoding="utf-8")
    parser = ConfigParser()
    parser.read_config(str(folder / "configs" / "inference.json"))
    torch.manual_seed(0)
    torch.save(parser.get_parsed_content("network_def").state_dict(), folder / "models" / "model.pt")
    return folder


def add_finetuning(shipped: Path, bundle: Path, **changes: object) -> None:
    """Give a tiny bundle the shipped one's finetune.json, for a training of a second."""
    config = json.loads((shipped / "configs" / "finetune.json").read_text(encoding="utf-8"))
    (bundle / "configs" / "finetune.json").write_text(
        json.dumps({**config, **TINY_FINETUNING, **changes}), encoding="utf-8"
    )

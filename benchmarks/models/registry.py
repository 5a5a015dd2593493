"""The models of the benchmark: what each is called, which program runs it, with which options and interpreter."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OVERLAYS = "benchmarks/models/overlays"
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "8589934592"}
"""For all that is compared, whatever library it is of: what :mod:`monai_ceph.memory` does, as environment variables."""


@dataclass(frozen=True)
class Model:
    """One row of the table.

    Args:
        title: for the table.
        label: for the chart, short.
        program: module of this folder.
        source: library that the model comes from, a distribution's name.
        options: further keys of its job.
    """

    title: str
    label: str
    program: str
    source: str
    options: dict[str, Any] = field(default_factory=dict)


MODELS = {
    "two_stage": Model("two stages (this project)", "two stages", "two_stage", "monai-ceph"),
    "pretrained": Model(
        "two stages, pretrained encoders (the default)",
        "pretrained encoders",
        "two_stage",
        "monai-ceph",
        {"bundle": "bundles/cephalometric_landmarks_pretrained"},
    ),
    "global_stage": Model("global stage alone", "global stage", "global_stage", "monai-ceph"),
    "attention_unet": Model(
        "two stages, AttentionUnet",
        "AttentionUnet",
        "two_stage",
        "monai-ceph",
        {"overlay": "bundles/cephalometric_landmarks/configs/swap_network.json"},
    ),
    "dynunet": Model(
        "two stages, DynUNet", "DynUNet", "two_stage", "monai-ceph", {"overlay": f"{OVERLAYS}/dynunet.json"}
    ),
    "swin_unetr": Model(
        "two stages, SwinUNETR",
        "SwinUNETR",
        "two_stage",
        "monai-ceph",
        # 112 px would be padded to 128: no more computing, and more to see.
        {"overlay": f"{OVERLAYS}/swin_unetr.json", "overrides": {"local": {"patch_size": 128}}},
    ),
    "scn": Model("SpatialConfiguration-Net, 512 px", "SCN", "scn", "landmarker"),
    "adaptive_heatmap": Model(
        "U-Net with adaptive heatmaps, 512 px", "adaptive heatmaps", "adaptive_heatmap", "landmarker"
    ),
    "one_stage_512": Model("BasicUNet, one stage, 512 px", "one stage", "one_stage_512", "monai"),
    "coordinate_regression": Model("coordinate regression, 256 px", "coordinates", "coordinate_regression", "monai"),
}
"""Name -> model, in the order of the table."""


def landmarker_python() -> str:
    """landmarker's interpreter: MONAI_CEPH_LANDMARKER_PYTHON, else what ``make landmarker-env`` makes, there or not."""
    return os.environ.get("MONAI_CEPH_LANDMARKER_PYTHON") or str(ROOT / ".venv-landmarker" / "bin" / "python")

"""Ours without its second half: the global stage alone, with the whole budget. Options as in ``two_stage``."""

from __future__ import annotations

from benchmarks.models import two_stage
from benchmarks.models.common import Job, Predictor, Training, main
from benchmarks.upright import upright_settings

INFERER = {
    "_target_": "monai_ceph.inferers.GlobalStageInferer",
    "global_scale": "@global_scale",
    "decoder": "$monai_ceph.heatmaps.decode_soft_centroid",
}
"""As train_global.json validates this stage, which a test holds equal."""


def train(job: Job) -> Training:
    return two_stage.train(job, {"global": 1.0})


def load(job: Job) -> Predictor:
    return two_stage.load(job, film_inferer=INFERER, **upright_settings())


if __name__ == "__main__":
    main(train, load)

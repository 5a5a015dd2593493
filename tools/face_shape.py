"""Estimate the shape of a face from the challenge's training annotations and write it into a bundle.

usage: python tools/face_shape.py ISBI_FOLDER [--bundle DIR]

The mean of the observers of all films of ``train_*.csv`` (films 1 to 150 of the official layout); none of a test set.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from monai_ceph.data import isbi2015_datalist
from monai_ceph.face_shape import FaceShape
from monai_ceph.landmarks import ISBI19
from monai_ceph.predictor.bundle import bundle_config

SPACING_MM = 0.1
FILMS = tuple(f"{film:03d}" for film in range(1, 151))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset_dir", type=Path)
    parser.add_argument("--bundle", type=Path)
    args = parser.parse_args()
    faces = np.stack([item["points_px"] for item in isbi2015_datalist(args.dataset_dir, FILMS)]) * SPACING_MM
    path = bundle_config(args.bundle).with_name("face_shape.json")
    FaceShape.estimate(ISBI19.symbols, faces.astype(np.float64)).write(path)
    print(f"{path}: of {len(faces)} faces")


if __name__ == "__main__":
    main()

"""Predictions as files: landmark table, Slicer markups, overlay picture."""

from monai_ceph.writers.landmarks_csv import landmarks_csv_text, write_landmarks_csv
from monai_ceph.writers.markups import to_markups, write_markups
from monai_ceph.writers.overlay import draw_overlay, write_overlay
from monai_ceph.writers.prediction import Prediction
from monai_ceph.writers.saver import LandmarksSaver, make_folder, to_prediction

__all__ = [
    "LandmarksSaver",
    "Prediction",
    "draw_overlay",
    "landmarks_csv_text",
    "make_folder",
    "to_markups",
    "to_prediction",
    "write_landmarks_csv",
    "write_markups",
    "write_overlay",
]

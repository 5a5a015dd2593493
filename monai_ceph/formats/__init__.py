"""Read and write annotations and landmark tables, with one module per format."""

from monai_ceph.formats.annotations import mean_annotations, read_annotations
from monai_ceph.formats.landmark_table import landmarks_csv_text, write_landmarks_csv
from monai_ceph.formats.markups import to_markups, write_markups
from monai_ceph.formats.points import AnnotationError, Annotations, check_annotations

__all__ = [
    "AnnotationError",
    "Annotations",
    "check_annotations",
    "landmarks_csv_text",
    "mean_annotations",
    "read_annotations",
    "to_markups",
    "write_landmarks_csv",
    "write_markups",
]

"""MONAI transforms for films and landmarks."""

from monai_ceph.transforms.border import RandFilmEdged, beyond_line
from monai_ceph.transforms.crop import CropBottomSquare, CropBottomSquared, bottom_square, landmarks_outside
from monai_ceph.transforms.drawings import RandDrawings, RandDrawingsd, draw_ring, draw_segments
from monai_ceph.transforms.heatmaps import LandmarkHeatmaps, LandmarkHeatmapsd
from monai_ceph.transforms.jpeg import RandJpeg, RandJpegd, jpeg_round_trip
from monai_ceph.transforms.local_contrast import (
    EqualiseLocally,
    RandEqualiseLocally,
    RandEqualiseLocallyd,
    equalise_locally,
)
from monai_ceph.transforms.patch import PatchPlace, RandLandmarkPatchesd, RandWindowsd, extract_patch
from monai_ceph.transforms.plain_tensor_compose import PlainTensorCompose
from monai_ceph.transforms.points import PointsToFilmd
from monai_ceph.transforms.rectangles import RandRectangleShiftd, shift_rectangle
from monai_ceph.transforms.scale import ScaleToSpacing, ScaleToSpacingd, scale_index, scale_pixels

__all__ = [
    "CropBottomSquare",
    "CropBottomSquared",
    "EqualiseLocally",
    "LandmarkHeatmaps",
    "LandmarkHeatmapsd",
    "PatchPlace",
    "PlainTensorCompose",
    "PointsToFilmd",
    "RandDrawings",
    "RandDrawingsd",
    "RandEqualiseLocally",
    "RandEqualiseLocallyd",
    "RandFilmEdged",
    "RandJpeg",
    "RandJpegd",
    "RandLandmarkPatchesd",
    "RandRectangleShiftd",
    "RandWindowsd",
    "ScaleToSpacing",
    "ScaleToSpacingd",
    "beyond_line",
    "bottom_square",
    "draw_ring",
    "draw_segments",
    "equalise_locally",
    "extract_patch",
    "jpeg_round_trip",
    "landmarks_outside",
    "scale_index",
    "scale_pixels",
    "shift_rectangle",
]

"""MONAI transforms for films and landmarks."""

from monai_ceph.transforms.crop import CropBottomSquare, CropBottomSquared, bottom_square, landmarks_outside
from monai_ceph.transforms.heatmaps import LandmarkHeatmaps, LandmarkHeatmapsd
from monai_ceph.transforms.patch import PatchPlace, RandLandmarkPatchesd, RandWindowsd, extract_patch
from monai_ceph.transforms.points import PointsToFilmd
from monai_ceph.transforms.rectangles import RandRectangleShiftd, shift_rectangle
from monai_ceph.transforms.scale import ScaleToSpacing, ScaleToSpacingd, scale_index, scale_pixels
from monai_ceph.transforms.untracked import Untracked

__all__ = [
    "CropBottomSquare",
    "CropBottomSquared",
    "LandmarkHeatmaps",
    "LandmarkHeatmapsd",
    "PatchPlace",
    "PointsToFilmd",
    "RandLandmarkPatchesd",
    "RandRectangleShiftd",
    "RandWindowsd",
    "ScaleToSpacing",
    "ScaleToSpacingd",
    "Untracked",
    "bottom_square",
    "extract_patch",
    "landmarks_outside",
    "scale_index",
    "scale_pixels",
    "shift_rectangle",
]

"""MONAI transforms for films and landmarks.

Each dictionary transform ``Xd`` is also called ``XD`` and ``XDict``, as in MONAI.
"""

from monai_ceph.transforms.border import RandFilmEdge, RandFilmEdged, beyond_line, set_background
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
from monai_ceph.transforms.patch import (
    PatchPlace,
    RandLandmarkPatches,
    RandLandmarkPatchesd,
    RandWindows,
    RandWindowsd,
    extract_patch,
)
from monai_ceph.transforms.plain_tensor_compose import PlainTensorCompose
from monai_ceph.transforms.points import PointsToFilm, PointsToFilmd
from monai_ceph.transforms.rectangles import RandRectangleShift, RandRectangleShiftd, shift_rectangle
from monai_ceph.transforms.scale import ScaleToSpacing, ScaleToSpacingd, scale_index, scale_pixels
from monai_ceph.transforms.status import LandmarkStatusd
from monai_ceph.transforms.uncertainty import LandmarkUncertaintyd

CropBottomSquareD = CropBottomSquareDict = CropBottomSquared
LandmarkHeatmapsD = LandmarkHeatmapsDict = LandmarkHeatmapsd
LandmarkStatusD = LandmarkStatusDict = LandmarkStatusd
LandmarkUncertaintyD = LandmarkUncertaintyDict = LandmarkUncertaintyd
PointsToFilmD = PointsToFilmDict = PointsToFilmd
RandDrawingsD = RandDrawingsDict = RandDrawingsd
RandEqualiseLocallyD = RandEqualiseLocallyDict = RandEqualiseLocallyd
RandFilmEdgeD = RandFilmEdgeDict = RandFilmEdged
RandJpegD = RandJpegDict = RandJpegd
RandLandmarkPatchesD = RandLandmarkPatchesDict = RandLandmarkPatchesd
RandRectangleShiftD = RandRectangleShiftDict = RandRectangleShiftd
RandWindowsD = RandWindowsDict = RandWindowsd
ScaleToSpacingD = ScaleToSpacingDict = ScaleToSpacingd

__all__ = [
    "CropBottomSquare",
    "CropBottomSquareD",
    "CropBottomSquareDict",
    "CropBottomSquared",
    "EqualiseLocally",
    "LandmarkHeatmaps",
    "LandmarkHeatmapsD",
    "LandmarkHeatmapsDict",
    "LandmarkHeatmapsd",
    "LandmarkStatusD",
    "LandmarkStatusDict",
    "LandmarkStatusd",
    "LandmarkUncertaintyD",
    "LandmarkUncertaintyDict",
    "LandmarkUncertaintyd",
    "PatchPlace",
    "PlainTensorCompose",
    "PointsToFilm",
    "PointsToFilmD",
    "PointsToFilmDict",
    "PointsToFilmd",
    "RandDrawings",
    "RandDrawingsD",
    "RandDrawingsDict",
    "RandDrawingsd",
    "RandEqualiseLocally",
    "RandEqualiseLocallyD",
    "RandEqualiseLocallyDict",
    "RandEqualiseLocallyd",
    "RandFilmEdge",
    "RandFilmEdgeD",
    "RandFilmEdgeDict",
    "RandFilmEdged",
    "RandJpeg",
    "RandJpegD",
    "RandJpegDict",
    "RandJpegd",
    "RandLandmarkPatches",
    "RandLandmarkPatchesD",
    "RandLandmarkPatchesDict",
    "RandLandmarkPatchesd",
    "RandRectangleShift",
    "RandRectangleShiftD",
    "RandRectangleShiftDict",
    "RandRectangleShiftd",
    "RandWindows",
    "RandWindowsD",
    "RandWindowsDict",
    "RandWindowsd",
    "ScaleToSpacing",
    "ScaleToSpacingD",
    "ScaleToSpacingDict",
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
    "set_background",
    "shift_rectangle",
]

"""MONAI transforms for films and landmarks.

Each dictionary transform ``Xd`` is also called ``XD`` and ``XDict``, as in MONAI.
"""

from monai_ceph.transforms.border import (
    RandFilmEdge,
    RandFilmEdgeD,
    RandFilmEdged,
    RandFilmEdgeDict,
    beyond_line,
    set_background,
)
from monai_ceph.transforms.crop import (
    CropBottomSquare,
    CropBottomSquareD,
    CropBottomSquared,
    CropBottomSquareDict,
    bottom_square,
    landmarks_outside,
)
from monai_ceph.transforms.drawings import (
    RandDrawings,
    RandDrawingsD,
    RandDrawingsd,
    RandDrawingsDict,
    draw_ring,
    draw_segments,
)
from monai_ceph.transforms.heatmaps import LandmarkHeatmaps, LandmarkHeatmapsD, LandmarkHeatmapsd, LandmarkHeatmapsDict
from monai_ceph.transforms.jpeg import RandJpeg, RandJpegD, RandJpegd, RandJpegDict, jpeg_round_trip
from monai_ceph.transforms.local_contrast import (
    EqualiseLocally,
    RandEqualiseLocally,
    RandEqualiseLocallyD,
    RandEqualiseLocallyd,
    RandEqualiseLocallyDict,
    equalise_locally,
)
from monai_ceph.transforms.patch import (
    PatchPlace,
    RandLandmarkPatches,
    RandLandmarkPatchesD,
    RandLandmarkPatchesd,
    RandLandmarkPatchesDict,
    RandWindows,
    RandWindowsD,
    RandWindowsd,
    RandWindowsDict,
    extract_patch,
)
from monai_ceph.transforms.plain_tensor_compose import PlainTensorCompose
from monai_ceph.transforms.points import PointsToFilm, PointsToFilmD, PointsToFilmd, PointsToFilmDict
from monai_ceph.transforms.rectangles import (
    RandRectangleShift,
    RandRectangleShiftD,
    RandRectangleShiftd,
    RandRectangleShiftDict,
    shift_rectangle,
)
from monai_ceph.transforms.scale import (
    ScaleToSpacing,
    ScaleToSpacingD,
    ScaleToSpacingd,
    ScaleToSpacingDict,
    scale_index,
    scale_pixels,
)
from monai_ceph.transforms.status import LandmarkStatusD, LandmarkStatusd, LandmarkStatusDict
from monai_ceph.transforms.uncertainty import LandmarkUncertaintyD, LandmarkUncertaintyd, LandmarkUncertaintyDict

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

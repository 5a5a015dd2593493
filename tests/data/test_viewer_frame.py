"""Where a viewer shows a film, against the image that ITK itself makes of the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import itk
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from monai_ceph.data.film import FilmError
from monai_ceph.data.viewer_frame import viewer_frame

ARRAY = (np.arange(600) % 251).astype(np.uint8).reshape(30, 20)
TURNED_2D = [[0.6, 0.8], [-0.8, 0.6]]
TURNED_3D = [[0.0, 0.0, 1.0], [0.6, -0.8, 0.0], [0.8, 0.6, 0.0]]


def raster(suffix: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        Image.fromarray(ARRAY).save(folder / f"film{suffix}", dpi=(254, 127))
        return folder / f"film{suffix}"

    return write


def volume(suffix: str, spacing: list[float], origin: list[float], direction: list) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        image = itk.image_from_array(ARRAY if len(spacing) == 2 else ARRAY[None])
        image.SetSpacing(spacing)
        image.SetOrigin(origin)
        image.SetDirection(itk.matrix_from_array(np.array(direction)))
        itk.imwrite(image, str(folder / f"film{suffix}"))
        return folder / f"film{suffix}"

    return write


def dx(**tags: object) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        dicom = Dataset()
        dicom.file_meta = FileMetaDataset()
        dicom.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dicom.file_meta.MediaStorageSOPClassUID = dicom.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
        dicom.file_meta.MediaStorageSOPInstanceUID = dicom.SOPInstanceUID = "1.2.3.4"
        dicom.Modality, dicom.SamplesPerPixel, dicom.PixelRepresentation = "DX", 1, 0
        dicom.Rows, dicom.Columns = ARRAY.shape
        dicom.BitsAllocated = dicom.BitsStored = 8
        dicom.HighBit, dicom.PhotometricInterpretation = 7, "MONOCHROME2"
        for name, value in tags.items():
            setattr(dicom, name, value)
        dicom.PixelData = ARRAY.tobytes()
        dicom["PixelData"].VR = "OB"
        pydicom.dcmwrite(folder / "film.dcm", dicom, write_like_original=False)
        return folder / "film.dcm"

    return write


FILES = {
    "png": (raster(".png"), (1, 1)),
    "bmp": (raster(".bmp"), (1, 1)),
    "jpeg with dpi": (raster(".jpg"), (0.1, 0.2)),
    "tiff with dpi": (raster(".tif"), (0.1, 0.2)),
    "mha": (volume(".mha", [0.1, 0.2], [3.0, -4.0], TURNED_2D), (0.1, 0.2)),
    "mha of one slice": (volume(".mha", [0.1, 0.2, 3.0], [3.0, -4.0, 5.0], TURNED_3D), (0.1, 0.2)),
    "nifti": (volume(".nii", [0.1, 0.2], [3.0, -4.0], TURNED_2D), (0.1, 0.2)),
    "nifti of one slice": (volume(".nii.gz", [0.1, 0.2, 3.0], [3.0, -4.0, 5.0], TURNED_3D), (0.1, 0.2)),
    "dicom": (dx(ImagerPixelSpacing=[0.2, 0.1], PixelSpacing=[0.18, 0.09]), (0.1, 0.2)),
    "dicom without spacing": (dx(), (1, 1)),
    "dicom upright in the patient": (
        dx(ImagerPixelSpacing=[0.2, 0.1], ImageOrientationPatient=[0, 1, 0, 0, 0, -1], ImagePositionPatient=[5, 6, 7]),
        (0.1, 0.2),
    ),
}


# pydicom 2, which MONAI Label needs, does not know the new name.
@pytest.mark.filterwarnings("ignore:'write_like_original' is deprecated")
@pytest.mark.parametrize("name", FILES)
def test_points_are_where_itk_shows_them(tmp_path: Path, name: str) -> None:
    write, spacing = FILES[name]
    path = write(tmp_path)
    # As Slicer opens every file: as a volume.
    reader = itk.ImageFileReader[itk.Image[itk.UC, 3]].New(FileName=str(path))
    reader.Update()
    image = reader.GetOutput()
    points_px = np.array([[0.0, 0.0], [19, 0], [0, 29], [7, 11]])
    expected = [list(image.TransformIndexToPhysicalPoint([int(x), int(y), 0])) for x, y in points_px]

    frame = viewer_frame(path)
    assert frame.size == (20, 30)
    np.testing.assert_allclose(frame.spacing_mm, spacing, rtol=1e-6)
    np.testing.assert_allclose(frame.to_lps(points_px), expected, atol=1e-5)
    np.testing.assert_allclose(frame.to_px(np.array(expected)), points_px, atol=1e-4)
    np.testing.assert_allclose(frame.off_plane_mm(np.array(expected)), 0, atol=1e-5)
    # The third axis of the same image: two slices behind the film.
    behind = np.array([list(image.TransformIndexToPhysicalPoint([7, 11, 2]))])
    np.testing.assert_allclose(frame.off_plane_mm(behind), 2 * image.GetSpacing()[2], rtol=1e-5)
    np.testing.assert_allclose(frame.to_px(behind), [[7, 11]], atol=1e-4)


def test_undefined_points_stay_undefined(tmp_path: Path) -> None:
    frame = viewer_frame(raster(".png")(tmp_path))
    lps = frame.to_lps(np.array([[1.5, 2.5], [np.nan, np.nan]]))
    np.testing.assert_array_equal(lps[0], [1.5, 2.5, 0])
    assert np.isnan(lps[1]).all()
    assert np.isnan(frame.to_px(lps)[1]).all()


def test_header_that_places_all_pixels_on_a_line(tmp_path: Path) -> None:
    path = tmp_path / "film.mha"
    header = "ObjectType = Image\nNDims = 2\nBinaryData = True\nTransformMatrix = 1 0 1 0\nDimSize = 20 30\n"
    path.write_bytes(f"{header}ElementType = MET_UCHAR\nElementDataFile = LOCAL\n".encode() + ARRAY.tobytes())
    with pytest.raises(FilmError, match=r"film\.mha: its header places no pixel anywhere .*save the film anew"):
        viewer_frame(path)


def test_file_that_is_no_film(tmp_path: Path) -> None:
    (tmp_path / "film.png").write_bytes(b"no film")
    with pytest.raises(FilmError, match="its content is not a readable image"):
        viewer_frame(tmp_path / "film.png")

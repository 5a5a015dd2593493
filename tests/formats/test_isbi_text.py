"""The challenge's text files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_ceph.formats.isbi_text import read_isbi_text
from monai_ceph.formats.points import AnnotationError
from monai_ceph.landmarks import ISBI19, Landmark, LandmarkScheme

AB = LandmarkScheme("ab", (Landmark("A", "a"), Landmark("B", "b")))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("classes", [[], ["1"] * 8])
def test_points_with_and_without_classes(tmp_path: Path, end: str, classes: list[str]) -> None:
    path = tmp_path / "001.txt"
    lines = [f"{10 * k},{20 * k + 1}" for k in range(len(ISBI19))] + classes
    path.write_bytes(("\ufeff" + end.join([*lines, ""])).encode())
    points, problems, _ = read_isbi_text(path, ISBI19)
    np.testing.assert_array_equal(points, [[10 * k, 20 * k + 1] for k in range(len(ISBI19))])
    assert problems == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"expected 2 points 'x,y' for scheme 'ab', got 0"),
        ("1,2\n", r"expected 2 points 'x,y' for scheme 'ab', got 1; complete the file or choose its scheme"),
        ("1,2\n3,4\n5,6\n1\n", r"expected 2 points 'x,y' for scheme 'ab', got 3"),
        ("1,2\n3\n", r"expected 2 points 'x,y' for scheme 'ab', got 1"),
        ("1,2\n3,x\n", r"line 2: expected a number of pixels, got 'x'"),
        ("1,2\n\nnan,4\n", r"line 3: expected a number of pixels, got 'nan'"),
        ("1,2\n3,4,5\n", r"line 2: expected 'x,y', got '3,4,5'"),
        ("1,2\n3,4\nhello\n", r"line 3: expected 'x,y', or after all points a class, got 'hello'"),
        ("1,2\n1\n3,4\n", r"line 3: expected 'x,y', or after all points a class, got '3,4'"),
    ],
)
def test_malformed_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "001.txt"
    path.write_text(text)
    with pytest.raises(AnnotationError, match=message) as caught:
        read_isbi_text(path, AB)
    assert str(caught.value).startswith(str(path))

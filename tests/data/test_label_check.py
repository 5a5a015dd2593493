"""Labels that annotators send: which are taken, and what is said of the others."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monai_ceph.data.label_check import LARGEST_BYTES, LabelError, LabelSizeError, check_screen, read_label
from monai_ceph.formats.viewer_frame import ViewerFrame
from monai_ceph.landmarks import Landmark, LandmarkScheme

AB = LandmarkScheme("ab", (Landmark("A", "a"), Landmark("B", "b")))
SIZE = (20, 30)
# Film x runs to the patient's back, film y to the feet, from a corner that is not the origin.
FRAME = ViewerFrame(SIZE, (0.1, 0.2), np.array([5.0, 6.0, 7.0]), np.array([[0.0, 0], [1, 0], [0, -1]]))
FLAT = ViewerFrame(SIZE, (1.0, 1.0), np.zeros(3), np.eye(3)[:, :2])


def at(label: str, x: float, y: float, z: float = 0.0, **more: Any) -> dict[str, Any]:
    return {"label": label, "position": [x, y, z]} | more


A, B = at("A", 3, 4), at("B", 5, 6)


def label(*points: Any, **more: Any) -> dict[str, Any]:
    return {"markups": [{"type": "Fiducial", "controlPoints": list(points)} | more]}


def packed(content: Any) -> bytes:
    return json.dumps(content).encode()


def test_points_are_taken_through_the_viewers_frame() -> None:
    points_px = np.array([[1.0, 0.0], [17.25, 28.5]])
    positions = FRAME.to_lps(points_px)
    np.testing.assert_allclose(positions[1], [5, 6 + 1.725, 7 - 5.7])
    content = label(at("B", *positions[1]), at("A", *positions[0]), coordinateSystem="LPS", coordinateUnits="mm")
    np.testing.assert_allclose(read_label(packed(content), FRAME, AB), points_px, atol=1e-9)


def test_ras_is_the_other_way_round() -> None:
    content = label(at("A", -3, -4), at("B", -5, -6), coordinateSystem="RAS")
    np.testing.assert_array_equal(read_label(packed(content), FLAT, AB), [[3, 4], [5, 6]])


def test_pixels_are_the_films_whatever_the_frame() -> None:
    content = label(A, B, coordinateUnits=["{pixels}", "UCUM", "pixels"])
    np.testing.assert_array_equal(read_label(packed(content), FRAME, AB), [[3, 4], [5, 6]])
    with pytest.raises(LabelError, match="landmark B is 3 mm off the film's plane"):
        read_label(packed(label(A, at("B", 5, 6, 3), coordinateUnits="px")), FLAT, AB)


def test_byte_order_mark() -> None:
    np.testing.assert_array_equal(read_label(b"\xef\xbb\xbf" + packed(label(A, B)), FLAT, AB), [[3, 4], [5, 6]])


@pytest.mark.parametrize("status", ["undefined", "missing"])
def test_landmark_that_cannot_be_seen(status: str) -> None:
    points = read_label(packed(label({"label": "B", "positionStatus": status}, A)), FLAT, AB)
    np.testing.assert_array_equal(points, [[3, 4], [np.nan, np.nan]])


@pytest.mark.parametrize(("x", "y"), [(-0.5, -0.5), (19.5, 29.5)])
def test_landmark_on_the_film_border(x: float, y: float) -> None:
    np.testing.assert_array_equal(read_label(packed(label(A, at("B", x, y))), FLAT, AB)[1], [x, y])


@pytest.mark.parametrize(("x", "y"), [(-0.51, 0), (0, -0.51), (19.51, 0), (0, 29.51), (3e5, 0)])
def test_landmark_off_the_film(x: float, y: float) -> None:
    with pytest.raises(LabelError, match=r"^The label: landmark B at \(.*\) px is off the 20 x 30 film; place it on"):
        read_label(packed(label(A, at("B", x, y))), FLAT, AB)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (-1, -1)])
def test_placeholder_is_refused(x: float, y: float) -> None:
    message = rf"^The label: landmark B at \({x}, {y}\) px stands for a landmark that was not marked; place it, or say"
    with pytest.raises(LabelError, match=message):
        read_label(packed(label(A, at("B", x, y))), FLAT, AB)


def test_label_of_another_film_or_of_another_size() -> None:
    matrix = FLAT.ijk_to_lps.tolist()
    own = {"name": "a.png", "size": [20, 30], "ijk_to_lps": matrix}
    np.testing.assert_array_equal(read_label(packed(label(A, B, film=own)), FLAT, AB, film="A"), [[3, 4], [5, 6]])
    with pytest.raises(
        LabelError, match=r"made on another film, 'a\.png', not on 'b'\. Place the landmarks on this film"
    ):
        read_label(packed(label(A, B, film=own)), FLAT, AB, film="b")
    with pytest.raises(LabelError, match=r"made on a film of 21 x 30 pixels, but this one has 20 x 30\. Place"):
        read_label(packed(label(A, B, film=own | {"size": [21, 30]})), FLAT, AB, film="a")


def test_label_in_the_frame_that_it_names() -> None:
    halved = ViewerFrame.flat((20, 30), (0.5, 0.5)).ijk_to_lps.tolist()
    content = label(at("A", 1.5, 2), at("B", 2.5, 3), film={"name": "a.png", "size": [20, 30], "ijk_to_lps": halved})
    np.testing.assert_array_equal(read_label(packed(content), FLAT, AB, film="a"), [[3, 4], [5, 6]])


def test_landmark_off_the_plane() -> None:
    read_label(packed(label(A, at("B", 5, 6, -0.5))), FLAT, AB)
    with pytest.raises(LabelError, match=r"^The label: landmark B is 0\.51 mm off the film's plane; place it"):
        read_label(packed(label(A, at("B", 5, 6, -0.51))), FLAT, AB)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (label(A), r"without B; expected all landmarks of scheme 'ab'"),
        (label(), r"without A B; expected all landmarks"),
        (label(A, B, A), r"given more than once: A; expected each landmark once"),
        (label(A, B, at("F-1", 1, 1)), r"'F-1' is no landmark of scheme 'ab'; expected the labels A B"),
        (label(A, B | {"label": "\ud800"}), r"'\\ud800' is no landmark"),
        (label(A, B | {"label": "x" * 10_000}), r"'x+\.\.\.x+' is no landmark"),
        (label(A, B | {"positionStatus": "preview"}), r"landmark B has the positionStatus 'preview'; expected"),
        (label(*({"label": s, "positionStatus": "undefined"} for s in "AB")), r"not one of its landmarks is placed"),
        (label(A, at("B", float("nan"), 1)), r"label 'B': expected a position \[x, y, z\] of three numbers"),
        (label(A, at("B", 1, float("inf"))), r"label 'B': expected a position \[x, y, z\] of three numbers"),
        (label(A, at("B", 1, 10**400)), r"label 'B': expected a position \[x, y, z\] of three numbers"),
        ({"markups": [*label(A, B)["markups"] * 2]}, r"expected Slicer markups with one Fiducial list, got 2"),
        ({"shapes": []}, r"expected Slicer markups with one Fiducial list, got 0"),
        (None, r"expected Slicer markups with one Fiducial list, got 0"),
    ],
)
def test_label_that_is_refused(content: Any, message: str) -> None:
    with pytest.raises(LabelError, match=message) as caught:
        read_label(packed(content), FLAT, AB, "The label of film '7'")
    said = str(caught.value)
    assert said.startswith("The label of film '7'") and "\n" not in said and len(said) < 500
    said.encode()  # an answer over HTTP


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"The label, line 1: this is not JSON"),
        (b"\x89PNG\r\n\x1a\n", r"expected UTF-8 text with Slicer markups"),
        (json.dumps(label(A, B)).encode("utf-16"), r"expected UTF-8 text with Slicer markups"),
        (packed(label(A, B))[:-1], r"The label, line 1: this is not JSON"),
        (b"[" * 500_000, r"this JSON has a number too long or lists too deep to be read"),
        (b'{"markups": ' + b"9" * 5000 + b"}", r"this JSON has a number too long or lists too deep to be read"),
    ],
)
def test_bytes_that_are_no_label(content: bytes, message: str) -> None:
    with pytest.raises(LabelError, match=message) as caught:
        read_label(content, FLAT, AB)
    assert not isinstance(caught.value, LabelSizeError)


def test_lists_almost_too_deep_can_be_talked_about() -> None:
    for depth in range(100, 1000, 50):
        deep = b"[" * depth + b"]" * depth
        content = packed(label(A, B)).replace(b'"Fiducial"', b'"Fiducial", "coordinateUnits": ' + deep)
        with pytest.raises(LabelError):
            read_label(content, FLAT, AB)


def test_ten_megabytes() -> None:
    content = packed(label(A, B))
    read_label(content.ljust(LARGEST_BYTES), FLAT, AB)
    with pytest.raises(LabelSizeError, match=r"^The label: expected at most 1 MB, got more; is it a label\?$"):
        read_label(content.ljust(LARGEST_BYTES + 1), FLAT, AB)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5) | st.sampled_from(["A", "B", "mm"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
KEYS = {
    "point": ("label", "position", "positionStatus"),
    "list": ("type", "coordinateSystem", "coordinateUnits", "controlPoints"),
}


@given(data=st.data())
def test_a_label_with_anything_anywhere_is_taken_or_refused(data: st.DataObject) -> None:
    content = label(dict(A), dict(B))
    [markup] = content["markups"]
    for _ in range(data.draw(st.integers(1, 2))):
        points = markup.get("controlPoints")
        inside = [p for p in points if isinstance(p, dict)] if isinstance(points, list) else []
        target, keys = data.draw(st.sampled_from([(markup, KEYS["list"]), *((p, KEYS["point"]) for p in inside)]))
        target[data.draw(st.sampled_from(keys))] = data.draw(ANYTHING)
    try:
        points_px = read_label(packed(content), FRAME, AB)
    except LabelError as error:
        assert str(error).endswith((".", "?"))
        str(error).encode()
    else:
        assert points_px.shape == (2, 2) and not np.isinf(points_px).any()


@given(
    st.binary(max_size=200)
    | ANYTHING.map(packed)
    | st.text(max_size=50).map(lambda text: text.encode("utf-8", "replace"))
)
def test_any_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(LabelError):
        read_label(content, FLAT, AB)


def on_screen(**changes: Any) -> dict[str, Any]:
    """How Slicer shows FRAME's film: RAS becomes LPS by two signs, checked against ITK in test_viewer_frame."""
    matrix = np.eye(4)
    matrix[:3, :2] = FRAME.direction * FRAME.spacing_mm
    matrix[:3, 3] = FRAME.origin_lps
    return {"size": list(FRAME.size), "ijk_to_lps": matrix.tolist()} | changes


def test_a_film_shown_as_its_file_says() -> None:
    check_screen(on_screen(), FRAME, "film")
    # As Slicer keeps it: spacing in 32-bit floats.
    rounded = np.float32(on_screen()["ijk_to_lps"]).tolist()
    check_screen(on_screen(ijk_to_lps=rounded), FRAME, "film")


@pytest.mark.parametrize(("row", "column", "factor"), [(1, 0, 0.1), (2, 1, 1.01), (1, 0, -1), (1, 0, np.nan)])
def test_a_spacing_changed_in_the_viewer(row: int, column: int, factor: float) -> None:
    matrix = np.array(on_screen()["ijk_to_lps"])
    matrix[row, column] *= factor
    with pytest.raises(LabelError, match=r"another geometry than the file of 'film' has \(was its spacing changed\?\)"):
        check_screen(on_screen(ijk_to_lps=matrix.tolist()), FRAME, "film")


def test_a_film_moved_off_its_plane_in_the_viewer() -> None:
    matrix = np.array(on_screen()["ijk_to_lps"])
    matrix[0, 3] += 5
    with pytest.raises(LabelError, match="another geometry"):
        check_screen(on_screen(ijk_to_lps=matrix.tolist()), FRAME, "film")


def test_another_film_on_the_screen() -> None:
    with pytest.raises(LabelError, match=r"on the screen is 9 x 8 px, but 'film' is \d+ x \d+: another film"):
        check_screen(on_screen(size=[9, 8]), FRAME, "film")


@pytest.mark.parametrize(
    "screen",
    [None, [], {}, {"size": 3, "ijk_to_lps": []}, on_screen(size=[np.inf, 1]), on_screen(ijk_to_lps=[[1, 2], [3]])],
)
def test_a_screen_that_is_none(screen: Any) -> None:
    with pytest.raises(LabelError, match="screen: expected"):
        check_screen(screen, FRAME, "film")

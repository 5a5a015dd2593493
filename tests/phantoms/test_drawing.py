"""Phantoms: the bytes repeat, and the landmarks are where the picture shows them."""

from __future__ import annotations

import csv
from pathlib import Path

import itk
import numpy as np
import pytest

from monai_ceph.landmarks import ISBI19, Landmark, LandmarkScheme
from monai_ceph.phantoms import STYLES, draw_phantom, write_phantoms
from monai_ceph.phantoms.anatomy import build_face, thin_plate_spline
from monai_ceph.phantoms.mean_shape import MEAN_MM, MODES_MM, SYMBOLS

SMALL = {"size": (387, 480), "spacing_mm": 0.5}  # 193.5 x 240 mm
SCHEME5 = LandmarkScheme("five", tuple(Landmark(s, s) for s in ("Me", "S", "Pog'", "N", "U1")))


@pytest.fixture(scope="module")
def films() -> list:
    return [draw_phantom(seed, (645, 800), 0.3) for seed in range(12)]


def test_same_seed_same_bytes() -> None:
    first, again = draw_phantom(7, **SMALL), draw_phantom(7, **SMALL)
    assert first.image.tobytes() == again.image.tobytes()
    assert first.points_px.tobytes() == again.points_px.tobytes()


def test_another_seed_is_another_face() -> None:
    first, other = draw_phantom(7, **SMALL), draw_phantom(8, **SMALL)
    assert not np.array_equal(first.image, other.image)
    faces = [p.points_px - p.points_px.mean(0) for p in (first, other)]
    assert np.linalg.norm(faces[0] - faces[1], axis=1).mean() * 0.5 > 1.0


def test_image_is_indexed_x_first() -> None:
    phantom = draw_phantom(0, (387, 480), 0.5)
    assert phantom.image.shape == (387, 480)
    assert phantom.points_px.shape == (len(ISBI19), 2)
    assert phantom.spacing_mm == (0.5, 0.5)
    # Air is in front of the nose, at the far end of the first axis; the skull's inside at its start is bright.
    nasion = phantom.points_px[ISBI19.index("N")].astype(int)
    assert phantom.image[nasion[0] + 60, nasion[1]] < phantom.image[nasion[0] - 150, nasion[1] - 30] - 40


@pytest.mark.parametrize("style", sorted(STYLES))
def test_landmarks_inside_the_film_for_many_seeds(style: str) -> None:
    for seed in range(8):
        phantom = draw_phantom(seed, (97, 120), 2.0, style=style)
        assert phantom.points_px.min() >= 1.5
        assert np.all(phantom.points_px <= np.array([96, 119]) - 1.5)


@pytest.mark.parametrize("style", sorted(STYLES))
def test_landmarks_inside_a_film_that_only_just_holds_a_face(style: str) -> None:
    phantom = draw_phantom(3, (270, 300), 0.5, style=style)
    points_mm = phantom.points_px * 0.5
    assert points_mm.min() >= 3 - 1e-9
    assert np.all(points_mm <= np.array([269, 299]) * 0.5 - 3 + 1e-9)


def test_film_too_small_for_a_face_says_what_it_needs() -> None:
    with pytest.raises(ValueError, match=r"A film of 26 x 32 mm does not hold a face; it needs at least \d+ x \d+ mm"):
        draw_phantom(0, (64, 80), 0.4)


def test_spacing_scales_pixel_positions_exactly() -> None:
    coarse, fine = draw_phantom(5, (387, 480), 0.5), draw_phantom(5, (774, 960), 0.25)
    np.testing.assert_allclose(fine.points_px, 2 * coarse.points_px, rtol=0, atol=1e-9)


def test_unequal_spacing_along_x_and_y() -> None:
    square, flat = draw_phantom(5, (387, 480), 0.5), draw_phantom(5, (387, 240), (0.5, 1.0))
    assert flat.spacing_mm == (0.5, 1.0)
    points_mm = flat.points_px * np.array(flat.spacing_mm)
    # The last pixel's centre differs by half a mm, which only matters to a face pushed against the border.
    np.testing.assert_allclose(points_mm, square.points_px * 0.5, atol=0.5)


def test_picture_follows_the_spacing() -> None:
    """A film at half the spacing, averaged 2 x 2, is the coarse film but for grain and half a pixel."""
    coarse, fine = draw_phantom(5, (387, 480), 0.5).image, draw_phantom(5, (774, 960), 0.25).image
    averaged = fine.reshape(387, 2, 480, 2).mean((1, 3))
    inner = (slice(20, 300), slice(30, 450))
    assert np.corrcoef(averaged[inner].ravel(), coarse[inner].ravel())[0, 1] > 0.97


@pytest.mark.parametrize(("bit_depth", "dtype"), [(8, np.uint8), (16, np.uint16)])
def test_bit_depth(bit_depth: int, dtype: type) -> None:
    image = draw_phantom(2, **SMALL, bit_depth=bit_depth).image
    assert image.dtype == dtype
    assert image.max() > 0.9 * (2**bit_depth - 1)
    assert image.min() < 0.2 * (2**bit_depth - 1)
    assert len(np.unique(image)) > (150 if bit_depth == 8 else 10_000)


def test_bit_depths_show_the_same_picture() -> None:
    low, high = (draw_phantom(2, **SMALL, bit_depth=bits) for bits in (8, 16))
    np.testing.assert_allclose(low.image / 255, high.image / 65535, atol=0.51 / 255 + 1e-4)
    np.testing.assert_array_equal(low.points_px, high.points_px)


def test_styles_are_different_scanners_of_the_same_face() -> None:
    one, other = draw_phantom(4, **SMALL, style="a"), draw_phantom(4, **SMALL, style="b")
    faces = [p.points_px - p.points_px.mean(0) for p in (one, other)]
    scale = np.linalg.norm(faces[1]) / np.linalg.norm(faces[0])
    assert scale == pytest.approx(STYLES["b"].magnification / STYLES["a"].magnification, abs=0.02)
    np.testing.assert_allclose(faces[1], scale * faces[0], atol=6)
    assert np.abs(one.image.astype(float) - other.image).mean() > 10


def test_a_scheme_of_five_gets_its_own_five_points() -> None:
    all19, five = draw_phantom(9, **SMALL), draw_phantom(9, **SMALL, scheme=SCHEME5)
    assert five.scheme is SCHEME5
    np.testing.assert_array_equal(five.points_px, all19.points_px[[ISBI19.index(s) for s in SCHEME5.symbols]])
    np.testing.assert_array_equal(five.image, all19.image)


def test_a_symbol_that_is_not_drawn_is_named() -> None:
    scheme = LandmarkScheme("odd", (Landmark("S", "sella"), Landmark("Xy", "nothing")))
    with pytest.raises(ValueError, match=r"Phantoms have no landmark 'Xy' \(scheme 'odd'\); they have S N Or"):
        draw_phantom(0, **SMALL, scheme=scheme)


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="8 or 16 bits, got bit_depth=12"):
        draw_phantom(0, **SMALL, bit_depth=12)
    with pytest.raises(ValueError, match=r"Unknown phantom style 'c'; expected one of \['a', 'b'\]"):
        draw_phantom(0, **SMALL, style="c")
    with pytest.raises(ValueError, match="pixel spacing must be one or two positive numbers"):
        draw_phantom(0, (387, 480), 0.0)


def _window(image: np.ndarray, point: np.ndarray, reach: int = 12) -> np.ndarray:
    x, y = np.rint(point).astype(int)
    padded = np.pad(image.astype(np.float64), reach + 1, mode="edge")
    return padded[x + 1 : x + 2 * reach + 2, y + 1 : y + 2 * reach + 2]


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_every_face_looks_the_same_around_a_landmark(films: list, symbol: str) -> None:
    """The neighbourhood is more alike between faces than where the point is misplaced by a few mm in each film."""
    index = ISBI19.index(symbol)
    rng = np.random.default_rng(0)

    def likeness(offsets_px: np.ndarray) -> float:
        windows = [
            _window(p.image, p.points_px[index] + offset).ravel() for p, offset in zip(films, offsets_px, strict=True)
        ]
        return float(np.corrcoef(windows)[np.triu_indices(len(films), 1)].mean())

    true = likeness(np.zeros((len(films), 2)))
    moved = [likeness(rng.choice([-1, 1], (len(films), 2)) * rng.uniform(7, 14, (len(films), 2))) for _ in range(5)]
    assert true > 0.35
    assert true > max(moved) + 0.1


@pytest.mark.parametrize("symbol", ["UL", "LL", "Sn", "Pog'"])
def test_soft_tissue_landmarks_lie_on_the_skin(films: list, symbol: str) -> None:
    """1.5 mm behind the point is brighter than 1.5 mm in front of it, which is air."""
    for phantom in films:
        x, y = np.rint(phantom.points_px[phantom.scheme.index(symbol)]).astype(int)
        behind, front = phantom.image[x - 6 : x - 3, y - 1 : y + 2], phantom.image[x + 4 : x + 7, y - 1 : y + 2]
        assert behind.mean() > front.mean() + 5


def test_upper_incisor_tip_is_the_tooth_before_the_lips(films: list) -> None:
    """Tooth 1 to 2 mm behind and above the tip, lip's soft tissue as far before and below it."""
    for phantom in films:
        x, y = np.rint(phantom.points_px[phantom.scheme.index("U1")]).astype(int)
        tooth, lip = phantom.image[x - 7 : x - 3, y - 7 : y - 3], phantom.image[x + 8 : x + 12, y - 2 : y + 5]
        assert tooth.mean() > lip.mean() + 30


def test_menton_is_the_lowest_and_pogonion_in_front_of_gnathion(films: list) -> None:
    for phantom in films:
        points = dict(zip(SYMBOLS, phantom.points_px, strict=True))
        assert points["Me"][1] > points["Gn"][1] > points["Pog"][1]
        assert points["Pog"][0] > points["Gn"][0] > points["Me"][0]


def test_shapes_vary_as_the_modes_say() -> None:
    """Spread of the landmarks over many faces against the spread of the numbers that they were drawn from."""
    drawn = [build_face(np.random.default_rng([seed, 0])).points for seed in range(150)]
    faces = np.array([[points[symbol] for symbol in SYMBOLS] for points in drawn])
    expected = np.sqrt((MODES_MM**2).sum(0))
    assert np.linalg.norm(faces.mean(0) - MEAN_MM, axis=1).max() < 2.5
    np.testing.assert_allclose(np.linalg.norm(faces.std(0), axis=1), np.linalg.norm(expected, axis=1), rtol=0.3)


def test_spline_brings_every_source_point_to_its_target() -> None:
    rng = np.random.default_rng(1)
    source = rng.uniform(-50, 50, (12, 2))
    target = source + rng.normal(0, 4, (12, 2))
    np.testing.assert_allclose(thin_plate_spline(source, target)(source), target, atol=1e-6)
    # An affine map has no bending at all.
    matrix = np.array([[1.1, 0.2], [-0.1, 0.9]])
    elsewhere = rng.uniform(-200, 200, (5, 2))
    np.testing.assert_allclose(
        thin_plate_spline(source, source @ matrix + 3)(elsewhere), elsewhere @ matrix + 3, atol=1e-6
    )


def test_written_films_and_points_agree_with_the_drawing(tmp_path: Path) -> None:
    folder = tmp_path / "a folder" / "films"
    films = write_phantoms(folder, 2, seed=40, **SMALL, bit_depth=16, observer_sd_mm=1.0)
    assert [f.name for f in films] == ["phantom_000.png", "phantom_001.png"]
    assert sorted(p.name for p in folder.iterdir()) == [
        "observer_b.csv",
        "phantom_000.png",
        "phantom_001.png",
        "points.csv",
    ]
    rows = list(csv.DictReader((folder / "points.csv").open(encoding="utf-8")))
    assert list(rows[0]) == ["image", "landmark", "x_px", "y_px", "x_mm", "y_mm", "confidence"]
    second = list(csv.DictReader((folder / "observer_b.csv").open(encoding="utf-8")))
    for k, film in enumerate(films):
        phantom = draw_phantom(40 + k, **SMALL, bit_depth=16)
        # ITK gives (rows, columns) = (y, x).
        np.testing.assert_array_equal(itk.array_from_image(itk.imread(str(film))).T, phantom.image)
        own = [row for row in rows if row["image"] == film.name]
        assert tuple(row["landmark"] for row in own) == ISBI19.symbols
        points = np.array([[float(row["x_px"]), float(row["y_px"])] for row in own])
        np.testing.assert_allclose(points, phantom.points_px, atol=6e-4)
        np.testing.assert_allclose([float(row["x_mm"]) for row in own], points[:, 0] * 0.5, atol=6e-4)
    error = [
        np.hypot(*(float(a[c]) - float(b[c]) for c in ("x_mm", "y_mm"))) for a, b in zip(rows, second, strict=True)
    ]
    assert 0.7 < np.mean(error) < 2.0


def test_no_second_observer_unless_asked_for(tmp_path: Path) -> None:
    write_phantoms(tmp_path, 1, **SMALL, scheme=SCHEME5)
    assert not (tmp_path / "observer_b.csv").exists()
    assert len((tmp_path / "points.csv").read_text(encoding="utf-8").splitlines()) == 1 + len(SCHEME5)


def test_a_count_of_no_films_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1 film, got 0"):
        write_phantoms(tmp_path / "none", 0)
    assert not (tmp_path / "none").exists()

"""Find the pose of a film with the global stage: its scale, the direction of the face, and whether it is inverted.

The pixel size of a film is often unknown. Films may also be mirrored, on their side, inverted, tilted, or part of a
larger picture. Over a wide range of scales (0.6 to 1.7 of the right one), the global stage finds enough landmarks to
fit the mean face. Scale, tilt and position follow from the fit, so few trials are needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import NamedTuple

import numpy as np
import torch

from monai_ceph.face_shape import FILM_EXTENTS_MM, FaceFit, FaceShape, recognised
from monai_ceph.transforms.scale import scale_pixels

Coarse = Callable[[torch.Tensor], torch.Tensor]
"""A function from normalised films (B, C, X, Y) at the global stage's spacing to (B, N, 3): x, y in array indices and
the confidence."""


_TAGGED = {2: (0, True), 3: (2, False), 4: (2, True), 5: (3, True), 6: (3, False), 7: (1, True), 8: (1, False)}


class Orientation(NamedTuple):
    """Describe how a film differs from an upright one that faces right and has bright bones.

    Args:
        quarter_turns: how often the upright face was turned clockwise by 90 degrees.
        mirrored: whether the face looks left (before it was turned).
        inverted: whether bones are dark.
    Example:
        >>> Orientation.of_tag(6)
        Orientation(quarter_turns=3, mirrored=False, inverted=False)
    """

    quarter_turns: int = 0
    mirrored: bool = False
    inverted: bool = False

    @classmethod
    def of_tag(cls, tag: int) -> Orientation:
        """Return the orientation of a film with an EXIF or TIFF tag, 1 to 8; other numbers count as 1."""
        return cls(*_TAGGED.get(tag, (0, False)))

    def axes(self) -> torch.Tensor:
        """Return the (2, 2) float64 matrix from steps in the upright film to steps in the stored film."""
        mirror = torch.tensor([[-1.0 if self.mirrored else 1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
        turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)  # clockwise on screen: y points down
        return torch.linalg.matrix_power(turn, self.quarter_turns % 4) @ mirror


@dataclass(frozen=True)
class FilmPose:
    """Hold the pose of a film.

    Args:
        working_mm: (along x, along y), size of a film pixel, as given or assuming that the face has the mean size.
        orientation: see :class:`Orientation`.
        tilt_deg: how far the face is turned clockwise beyond the quarter turns; 0 if the tilt is not corrected.
        centre_px: (x, y), centre of the face in film pixels; None means that the whole film is used.
    Example:
        >>> FilmPose((0.1, 0.1)).orientation.mirrored
        False
    """

    working_mm: tuple[float, float]
    orientation: Orientation = field(default_factory=Orientation)
    tilt_deg: float = 0.0
    centre_px: tuple[float, float] | None = None


class Look(NamedTuple):
    """Hold what the global stage found in a film under an assumed pose.

    Args:
        pose: the assumed pose.
        points: (N, 3) float64: x, y in film pixels, confidence.
        fit: the mean face fitted to these points; None if no fit is possible.
        agreement: agreement of points and face, 0 to 1; 0 if the fit has quite another scale or turn than the pose.
    Example:
        >>> Look(FilmPose((0.1, 0.1)), np.zeros((19, 3)), None, 0.0).agreement
        0.0
    """

    pose: FilmPose
    points: np.ndarray
    fit: FaceFit | None
    agreement: float


def posed_film(
    film: torch.Tensor,
    pose: FilmPose,
    spacing_mm: float,
    window_mm: Sequence[float],
    scaled: dict[tuple[float, float], torch.Tensor] | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Set a film upright and resample it to a working spacing.

    Args:
        film: (C, X, Y), gray values as stored.
        pose: the pose of the film.
        spacing_mm: the working spacing.
        window_mm: (x, y), size of the window around the centre of the face, if the pose has one. A tilted window is
            filled with the mean outside the film; an upright one is cropped to the film.
        scaled: this film at the working spacing, by the pixel size that was assumed; what is missing is added.
    Returns:
        (C, X', Y'), with mean 0 and standard deviation 1; and the (3, 3) float64 affine from index to film pixel.
    Example:
        >>> upright, affine = posed_film(torch.rand(1, 40, 60), FilmPose((0.5, 0.5)), 1.0, (0.0, 0.0))
        >>> upright.shape, affine[0, 0].item()
        (torch.Size([1, 20, 30]), 2.0)
    """
    factor = [mm / spacing_mm for mm in pose.working_mm]
    factor = [1.0 if int(n * f) == n else f for n, f in zip(film.shape[-2:], factor, strict=True)]
    scaled = {} if scaled is None else scaled
    if pose.working_mm not in scaled:
        scaled[pose.working_mm] = scale_pixels(film, factor)
    pixels = scaled[pose.working_mm]
    affine = torch.eye(3, dtype=torch.float64)
    for axis, f in enumerate(factor):
        affine[axis, axis], affine[axis, 2] = 1 / f, 0.5 / f - 0.5
    pixels, turned = _oriented(pixels, pose.orientation)
    affine = affine @ turned
    if pose.centre_px is not None:
        centre = torch.linalg.solve(affine, torch.tensor([*pose.centre_px, 1.0], dtype=torch.float64))[:2]
        size = [round(mm / spacing_mm) for mm in window_mm]
        pixels, moved = _window(pixels, centre, size, pose.tilt_deg)
        affine = affine @ moved
    deviation, mean = torch.std_mean(pixels, correction=0)
    return (pixels - mean) / deviation.clamp(min=1e-6), affine


def _oriented(pixels: torch.Tensor, orientation: Orientation) -> tuple[torch.Tensor, torch.Tensor]:
    axes = orientation.axes()
    to_old = torch.eye(3, dtype=torch.float64)
    to_old[:2, :2] = axes
    source = axes.abs().argmax(0).tolist()
    oriented = pixels if source == [0, 1] else pixels.transpose(-2, -1)
    for axis in (0, 1):
        if axes[source[axis], axis] < 0:
            oriented = oriented.flip(axis - 2)
            to_old[source[axis], 2] = oriented.shape[axis - 2] - 1
    return (-oriented if orientation.inverted else oriented), to_old


def _window(
    pixels: torch.Tensor, centre: torch.Tensor, size: Sequence[int], tilt_deg: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut a window that sets a face of that tilt upright; return it and its affine to the old indices."""
    to_old = torch.eye(3, dtype=torch.float64)
    if tilt_deg == 0:
        start = [round(c - (n - 1) / 2) for c, n in zip(centre.tolist(), size, strict=True)]
        to_old[:2, 2] = torch.tensor(start, dtype=torch.float64)
        # Without a turn, the window is cropped to the film, and nothing has to be filled.
        first = [min(max(s, 0), n - 1) for s, n in zip(start, pixels.shape[-2:], strict=True)]
        last = [max(min(s + w, n), f + 1) for s, w, n, f in zip(start, size, pixels.shape[-2:], first, strict=True)]
        to_old[:2, 2] = torch.tensor(first, dtype=torch.float64)
        return pixels[..., first[0] : last[0], first[1] : last[1]], to_old
    cos, sin = math.cos(math.radians(tilt_deg)), math.sin(math.radians(tilt_deg))
    turn = torch.tensor([[cos, -sin], [sin, cos]], dtype=torch.float64)
    middle = torch.tensor([(n - 1) / 2 for n in size], dtype=torch.float64)
    to_old[:2, :2], to_old[:2, 2] = turn, centre - turn @ middle
    mean = pixels.mean()
    grid = torch.stack(torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in size), indexing="ij"), -1)
    place = grid @ turn.T + to_old[:2, 2]
    extent = torch.tensor(pixels.shape[-2:], dtype=torch.float64)
    # grid_sample wants (y, x) for an array (.., X, Y), and the outer edges of the first and last pixel at -1 and 1.
    unit = ((place + 0.5) / extent * 2 - 1).flip(-1).to(pixels)
    turned = torch.nn.functional.grid_sample((pixels - mean)[None], unit[None], align_corners=False)[0]
    return turned + mean, to_old


def seen(pose: FilmPose, points: np.ndarray, shape: FaceShape) -> Look:
    """Judge the points that the global stage found in a film under an assumed pose.

    Args:
        pose: the assumed pose.
        points: (N, 3): x, y in film pixels, confidence.
        shape: the shape of the face.
    Example:
        >>> mean_mm = np.array([[-20.0, -30.0], [20.0, -30.0], [0.0, 60.0], [20.0, 0.0]])
        >>> shape = FaceShape(("S", "N", "Me", "A"), mean_mm, 4 * np.eye(8))
        >>> points = np.column_stack([10 * mean_mm + 600, np.ones(4)])
        >>> round(seen(FilmPose((0.1, 0.1)), points, shape).agreement, 3)
        1.0
    """
    scaled = points[:, :2] * np.array(pose.working_mm)  # mm as assumed: pixels need not be square
    turn = 90 * pose.orientation.quarter_turns + pose.tilt_deg
    fit, agreed = recognised(scaled, points[:, 2], shape, turn, pose.orientation.mirrored)
    return Look(pose, points, fit, agreed)


@dataclass(frozen=True)
class PoseSearch:
    """Find the pose of a film.

    Args:
        shape: the shape of the face.
        spacing_mm: the spacing of the global stage.
        believable: the lowest agreement that counts as a face.
        usual: below this agreement, a face is also tried with inverted gray, because networks that were trained on
            inverted films do see them as stored, but less well.
        extents_mm: candidates for the square root of the film's area, in the order in which they are tried. The global
            stage needs 0.6 to 1.7 of the right one. The first, the next two and the rest form three groups.
        largest_tilt_deg: a face with a larger tilt is set upright.
        size_range: a face whose size relative to the mean face is outside this range is scaled to the mean size.
        window_mm: (x, y), size of the window that is cut out around a face.
        hopeless: if no agreement reaches this share of ``believable`` in the stored direction at several scales and in
            every direction at the usual scale, the picture shows no face, and the search ends.
    Example:
        >>> mean_mm = np.array([[-20.0, -30.0], [20.0, -30.0], [0.0, 60.0], [20.0, 0.0]])
        >>> search = PoseSearch(FaceShape(("S", "N", "Me", "A"), mean_mm, 4 * np.eye(8)), spacing_mm=0.67)
        >>> search.poses((2000, 2400), told_mm=(0.1, 0.1))[0].working_mm
        (0.1, 0.1)
    """

    shape: FaceShape
    spacing_mm: float
    believable: float = 0.2
    usual: float = 0.0
    extents_mm: tuple[float, ...] = FILM_EXTENTS_MM
    largest_tilt_deg: float = 12.0
    size_range: tuple[float, float] = (0.7, 1.4)
    window_mm: tuple[float, float] = (210.0, 230.0)
    hopeless: float = 0.1

    def __call__(
        self,
        film: torch.Tensor,
        told_mm: tuple[float, float] | None,
        coarse: Coarse,
        first: Look | None = None,
        stored: Orientation = Orientation(),  # noqa: B008  (a tuple: nobody can change it)
    ) -> Look:
        """Try one pose after the other until a face is seen.

        Args:
            film: (C, X, Y), gray values as stored.
            told_mm: (along x, along y), the size of a film pixel; None if unknown.
            coarse: the global stage.
            first: the result of an earlier trial.
            stored: the orientation that the file states; tried first.
        Returns:
            The first result that counts as a face. Without one, a result in the stored orientation: the first if the
            pixel size is given, else the one with the best agreement.
        Raises:
            ValueError: the size of a pixel is unknown, and the film is too narrow for a face at any scale.
        """
        looks = [] if first is None else [first]
        scaled: dict[tuple[float, float], torch.Tensor] = {}
        for number, plan in enumerate(self.plans((film.shape[-2], film.shape[-1]), told_mm, stored)):
            if number > 1 and max((look.agreement for look in looks), default=1.0) < self.hopeless * self.believable:
                break  # nothing like a face, in any direction
            for pose in plan:
                if looks and looks[-1].agreement >= self.believable:
                    break
                if not any(look.pose == pose for look in looks):
                    looks.append(self.look(film, pose, coarse, scaled))
        if not looks:
            raise ValueError(
                f"Expected a film that can show a face, got {film.shape[-2]} x {film.shape[-1]} pixels, which is too "
                "narrow at any scale; is it a cephalogram?"
            )
        if looks[-1].agreement >= self.believable:
            return self._closer(film, self._either_gray(film, looks[-1], coarse), told_mm, coarse)
        plain = [look for look in looks if look.pose.orientation == stored]
        return plain[0] if told_mm is not None else max(plain, key=lambda look: look.agreement)

    def poses(
        self, size: tuple[int, int], told_mm: tuple[float, float] | None = None, stored: Orientation | None = None
    ) -> list[FilmPose]:
        """Return the poses to try for a film of (X, Y) px, with the likely and cheap ones first."""
        return [pose for plan in self.plans(size, told_mm, stored) for pose in plan]

    def plans(
        self, size: tuple[int, int], told_mm: tuple[float, float] | None = None, stored: Orientation | None = None
    ) -> list[list[FilmPose]]:
        """Return :meth:`poses` in groups: other scales, other directions, and then less likely combinations."""
        root = math.sqrt(size[0] * size[1])
        ratio = 1.0 if told_mm is None else math.sqrt(told_mm[1] / told_mm[0])
        searched = [(mm / root / ratio, mm / root * ratio) for mm in self.extents_mm]
        told = [] if told_mm is None else [told_mm]
        first = stored or Orientation()
        every = [Orientation(*way) for way in product((0, 1, 3, 2), (False, True), (False, True))]
        # Facing left and inverted come first, films on their side next, both at once last.
        turned = sorted(
            every,
            key=lambda o: (
                (o.mirrored != first.mirrored)
                + (o.inverted != first.inverted)
                + 1.5 * (o.quarter_turns != first.quarter_turns)
            ),
        )
        usual, other, large = searched[:1], searched[1:3], searched[3:]
        plans = [
            (told + usual + other, turned[:1]),
            (told or usual, turned[1:]),
            (large, turned[:1]),
            (usual + other if told else other, turned[1:6]),
            (large, turned[1:3]),
        ]

        def possible(mm: tuple[float, float]) -> bool:
            # A network that halves its input several times cannot work on fewer than 48 px.
            return mm == told_mm or min(size[0] * mm[0], size[1] * mm[1]) >= 48 * self.spacing_mm

        return [[FilmPose(mm, o) for o in ways for mm in scales if possible(mm)] for scales, ways in plans]

    def look(
        self,
        film: torch.Tensor,
        pose: FilmPose,
        coarse: Coarse,
        scaled: dict[tuple[float, float], torch.Tensor] | None = None,
    ) -> Look:
        """Run the global stage on a film under an assumed pose; ``scaled`` as in :func:`posed_film`."""
        upright, affine = posed_film(film, pose, self.spacing_mm, self.window_mm, scaled)
        points = coarse(upright[None])[0].to("cpu", torch.float64).numpy()
        matrix = affine.numpy()
        return seen(pose, np.column_stack([points[:, :2] @ matrix[:2, :2].T + matrix[:2, 2], points[:, 2]]), self.shape)

    def _either_gray(self, film: torch.Tensor, seen: Look, coarse: Coarse) -> Look:
        if seen.agreement >= self.usual:
            return seen
        way = seen.pose.orientation
        other = self.look(film, replace(seen.pose, orientation=way._replace(inverted=not way.inverted)), coarse)
        return max(seen, other, key=lambda look: look.agreement)

    def is_plain(self, look: Look) -> bool:
        """Return whether a face is seen as clearly as usual, so that another trial would not help."""
        return look.agreement >= max(self.believable, self.usual) and self._fits(look)

    def _fits(self, look: Look) -> bool:
        """Return whether a face has a usual size and is not tilted."""
        if look.fit is None:
            return False
        beyond = (look.fit.turn_deg - 90 * look.pose.orientation.quarter_turns - look.pose.tilt_deg + 180) % 360 - 180
        smallest, largest = self.size_range
        return abs(beyond) <= self.largest_tilt_deg and smallest <= 1 / look.fit.working_mm <= largest

    def _closer(self, film: torch.Tensor, last: Look, told_mm: tuple[float, float] | None, coarse: Coarse) -> Look:
        """Run the global stage again on the face alone, set upright and at the mean size."""
        for _ in range(2):
            if last.fit is None or ((told_mm is not None or last.pose.centre_px) and self._fits(last)):
                break
            pose, fit = last.pose, last.fit
            x, y = pose.working_mm
            tilt = (fit.turn_deg - 90 * pose.orientation.quarter_turns + 180) % 360 - 180
            closer = replace(
                pose,
                working_mm=(x * fit.working_mm, y * fit.working_mm),
                tilt_deg=tilt if abs(tilt) > self.largest_tilt_deg else 0.0,
                centre_px=(fit.offset.real / x, fit.offset.imag / y),
            )
            again = self.look(film, closer, coarse)
            if again.agreement < 0.8 * last.agreement:
                break
            last = again
        return last

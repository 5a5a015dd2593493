"""Find the pose of a film with the global stage: its scale, the direction of the face, and whether it is inverted.

The pixel size of a film is often unknown. Films may also be mirrored, on their side, inverted, tilted, or part of a
larger picture. Over a wide range of scales (0.6 to 1.7 of the right one), the global stage finds enough landmarks to
fit the mean face. Scale, tilt and position follow from the fit, so few trials are needed.

The module does not need torch, so every backend can use it: a backend brings the function that looks at a film.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from typing import NamedTuple

import numpy as np

from monai_ceph.face_shape import FaceFit, FaceShape, recognised, signed_deg
from monai_ceph.film_pose import UPRIGHT, FilmPose, Orientation

FILM_EXTENTS_MM = (200.0, 340.0, 110.0, 560.0)
"""Square roots of areas of films, likely ones first. The global stage recognises a face at 0.6 to 1.7 times its scale,
so these cover films of 65 to 930 mm."""
USUAL_SIZE = (0.7, 1.4)
"""Usual size of a face relative to the mean face; measured 0.81 to 1.15 on 150 films of adults and adolescents."""
LARGEST_TILT_DEG = 12.0


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
        >>> search.plans((2000, 2400), known_mm=(0.1, 0.1))[0][0].working_mm
        (0.1, 0.1)
    """

    shape: FaceShape
    spacing_mm: float
    believable: float = 0.2
    usual: float = 0.0
    extents_mm: tuple[float, ...] = FILM_EXTENTS_MM
    largest_tilt_deg: float = LARGEST_TILT_DEG
    size_range: tuple[float, float] = USUAL_SIZE
    window_mm: tuple[float, float] = (210.0, 230.0)
    hopeless: float = 0.1

    def __call__(
        self,
        size: tuple[int, int],
        known_mm: tuple[float, float] | None,
        look: Callable[[FilmPose], Look],
        first: Look | None = None,
        stored: Orientation = UPRIGHT,
    ) -> Look:
        """Try one pose after the other until a face is seen.

        Args:
            size: (X, Y), of the film as stored.
            known_mm: (along x, along y), the size of a film pixel; None if unknown.
            look: runs the global stage on the film under an assumed pose.
            first: the result of an earlier trial; if it shows a face as clearly as usual, no other follows.
            stored: the orientation that the file states; tried first.
        Returns:
            The first result that counts as a face. Without one, a result in the stored orientation: the first if the
            pixel size is given, else the one with the best agreement.
        Raises:
            ValueError: the size of a pixel is unknown, and the film is too narrow for a face at any scale.
        """
        if first is not None and first.agreement >= max(self.believable, self.usual) and self._fits(first):
            return first
        looks = [] if first is None else [first]
        for number, plan in enumerate(self.plans(size, known_mm, stored)):
            if number > 1 and max((seen.agreement for seen in looks), default=1.0) < self.hopeless * self.believable:
                break  # nothing like a face, in any direction
            for pose in plan:
                if looks and looks[-1].agreement >= self.believable:
                    break
                if not any(seen.pose == pose for seen in looks):
                    looks.append(look(pose))
        if not looks:
            raise ValueError(
                f"Expected a film that can show a face, got {size[0]} x {size[1]} pixels, which is too narrow "
                "at any scale; is it a cephalogram?"
            )
        if looks[-1].agreement >= self.believable:
            return self._closer(self._either_gray(looks[-1], look), known_mm, look)
        plain = [seen for seen in looks if seen.pose.orientation == stored]
        return plain[0] if known_mm is not None else max(plain, key=lambda seen: seen.agreement)

    def plans(
        self, size: tuple[int, int], known_mm: tuple[float, float] | None = None, stored: Orientation = UPRIGHT
    ) -> list[list[FilmPose]]:
        """Return the poses to try for a film of (X, Y) px, with the likely and cheap ones first.

        They come in groups: other scales, other directions, and then less likely combinations.
        """
        root = math.sqrt(size[0] * size[1])
        ratio = 1.0 if known_mm is None else math.sqrt(known_mm[1] / known_mm[0])
        searched = [(mm / root / ratio, mm / root * ratio) for mm in self.extents_mm]
        known = [] if known_mm is None else [known_mm]
        every = [Orientation(*way) for way in product((0, 1, 3, 2), (False, True), (False, True))]
        # Facing left and inverted come first, films on their side next, both at once last.
        turned = sorted(
            every,
            key=lambda o: (
                (o.mirrored != stored.mirrored)
                + (o.inverted != stored.inverted)
                + 1.5 * (o.quarter_turns != stored.quarter_turns)
            ),
        )
        usual, other, large = searched[:1], searched[1:3], searched[3:]
        plans = [
            (known + usual + other, turned[:1]),
            (known or usual, turned[1:]),
            (large, turned[:1]),
            (usual + other if known else other, turned[1:6]),
            (large, turned[1:3]),
        ]

        def possible(mm: tuple[float, float]) -> bool:
            # A network that halves its input several times cannot work on fewer than 48 px.
            return mm == known_mm or min(size[0] * mm[0], size[1] * mm[1]) >= 48 * self.spacing_mm

        return [[FilmPose(mm, o) for o in ways for mm in scales if possible(mm)] for scales, ways in plans]

    def _either_gray(self, seen: Look, look: Callable[[FilmPose], Look]) -> Look:
        if seen.agreement >= self.usual:
            return seen
        way = seen.pose.orientation
        other = look(replace(seen.pose, orientation=way._replace(inverted=not way.inverted)))
        return max(seen, other, key=lambda result: result.agreement)

    def _fits(self, look: Look) -> bool:
        """Return whether a face has a usual size and is not tilted."""
        if look.fit is None:
            return False
        beyond = signed_deg(look.fit.turn_deg - 90 * look.pose.orientation.quarter_turns - look.pose.tilt_deg)
        smallest, largest = self.size_range
        return abs(beyond) <= self.largest_tilt_deg and smallest <= 1 / look.fit.working_mm <= largest

    def _closer(self, last: Look, known_mm: tuple[float, float] | None, look: Callable[[FilmPose], Look]) -> Look:
        """Run the global stage again on the face alone, set upright and at the mean size."""
        for _ in range(2):
            if last.fit is None or ((known_mm is not None or last.pose.centre_px) and self._fits(last)):
                break
            pose, fit = last.pose, last.fit
            x, y = pose.working_mm
            tilt = signed_deg(fit.turn_deg - 90 * pose.orientation.quarter_turns)
            closer = replace(
                pose,
                working_mm=(x * fit.working_mm, y * fit.working_mm),
                tilt_deg=tilt if abs(tilt) > self.largest_tilt_deg else 0.0,
                centre_px=(fit.offset.real / x, fit.offset.imag / y),
            )
            again = look(closer)
            if again.agreement < 0.8 * last.agreement:
                break
            last = again
        return last

"""Predict with an exported model and onnxruntime. Neither torch nor MONAI is imported for it."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.analysis.uncertainty import UncertaintyTable, estimate_uncertainty
from monai_ceph.data.film_workers import read_film_apart
from monai_ceph.face_shape import FaceShape
from monai_ceph.film_pose import UPRIGHT, FilmPose, Orientation
from monai_ceph.landmark_status import TURNED_BY_ITS_TAG, StatusRule, judge
from monai_ceph.landmarks import Landmark, LandmarkScheme
from monai_ceph.pose_search import Look, PoseSearch, seen
from monai_ceph.prediction import Prediction
from monai_ceph.predictor.bundle import bundle_config, default_bundle, weights_file
from monai_ceph.predictor.model_checksum import check_sum
from monai_ceph.predictor.onnx_session import COARSE, global_stage, open_session, run_film
from monai_ceph.predictor.predictor import Predictor, check_finite_result
from monai_ceph.predictor.upright_film import at_least, upright_film
from monai_ceph.refinement import UprightFilm, moved, refined_points
from monai_ceph.ruler import find_ruler
from monai_ceph.spacing import check_extent, check_film_size

logger = logging.getLogger(__name__)

MODEL = Path("models") / "model.onnx"
"""Where a bundle keeps its exported model."""
JUDGES = ("face_shape", "landmark_status", "uncertainty")
"""What of a bundle's ``configs`` the metadata of an exported model hold, as JSON, to judge landmarks by."""


@dataclass(eq=False)
class OnnxPredictor(Predictor):
    """Find the landmarks on films with onnxruntime.

    Args:
        session: an onnxruntime session of an exported model.
        path: the model's file, of which the search needs a part.
        scheme: the landmarks.
        working_mm, assumed_mm, patch_size: of the local stage, to refuse films that it cannot take.
        global_mm: the spacing of the global stage.
        low_confidence: as in ``Predictor``.
        spacing_mm: the films' pixel size; takes precedence over the one in the files.
        weights_sha256: of the exported weights; empty if the model does not state it.
        shape, rule: the face shape and the rule by which landmarks are judged; without both, they are not judged.
        table: the uncertainty of points; None for a model that was exported without it.
        older: whether the model was exported before models took ``start_px`` and returned spreads.
    """

    session: Any
    path: Path
    scheme: LandmarkScheme
    working_mm: float
    assumed_mm: tuple[float, float]
    patch_size: int
    global_mm: float
    low_confidence: float = 0.0
    spacing_mm: float | None = None
    weights_sha256: str = ""
    shape: FaceShape | None = None
    rule: StatusRule | None = None
    table: UncertaintyTable | None = None
    older: bool = False

    @property
    def shares_cores(self) -> bool:
        return True

    def load(self, film: Path) -> dict[str, Any]:
        pixels, info = read_film_apart(film, self.spacing_mm)
        if info.spacing_mm is None and self.search is None:
            logger.warning("%s: pixel spacing unknown, scaled as if it were %g mm.", film, self.assumed_mm[0])
        spacing = info.spacing_mm or self.assumed_mm
        check_extent(pixels.shape, spacing, self.working_mm, str(film))
        if info.spacing_mm is not None or self.search is None:
            local_size = [int(n * mm / self.working_mm) for n, mm in zip(pixels.shape, spacing, strict=True)]
            check_film_size(local_size, self.patch_size)
        return {"image": pixels, "info": info, "name": film.name}

    def film_pixels(self, item: dict[str, Any]) -> np.ndarray:
        return np.asarray(item["image"])

    def _predict(self, item: dict[str, Any]) -> Prediction:
        info, name = item["info"], item["name"]
        rows = self._find(item["image"], info.spacing_mm, Orientation.of_tag(info.orientation))
        check_finite_result(rows, name)
        prediction = Prediction(name, self.scheme, rows[:, :2], rows[:, 2], info.spacing_mm, info.spacing_source)
        prediction = self._judged(prediction, rows[:, 3:], item["image"], info.suggested_spacing_mm)
        if info.orientation != 1:
            prediction = replace(prediction, remarks=(*prediction.remarks, TURNED_BY_ITS_TAG))
        return prediction.doubted(info.remarks)

    @cached_property
    def search(self) -> PoseSearch | None:
        """The search for a film's pose; None if landmarks are not judged."""
        if self.shape is None or self.rule is None:
            return None
        return PoseSearch(self.shape, self.global_mm, self.rule.believable, self.rule.usual)

    @cached_property
    def coarse_session(self) -> Any:
        """A session of the global stage alone; without the package onnx, of the whole model, which takes longer."""
        try:
            return global_stage(self.path)
        except ImportError:
            return self.session

    def _find(self, film: np.ndarray, known_mm: tuple[float, float] | None, stored: Orientation) -> np.ndarray:
        """Find the points of a film (X, Y) in the order in which ``AnyFilmInferer`` does; return what it returns."""
        search, look, whole = self.search, None, None
        if search is None or (known_mm is not None and stored == UPRIGHT):
            pose = FilmPose(known_mm or self.assumed_mm)
            whole = run_film(self.session, film, pose.working_mm)
            points = np.column_stack(whole[2:4])
            look = Look(pose, points, None, 0.0) if search is None else seen(pose, points, search.shape)
        if search is not None:
            best = search((film.shape[0], film.shape[1]), known_mm, partial(self._look, film, search), look, stored)
            if look is None or best.pose != look.pose:
                whole = None
            look = best
        assert look is not None
        return self._refined(film, look, whole)

    def _look(self, film: np.ndarray, search: PoseSearch, pose: FilmPose) -> Look:
        """Run the global stage on a film under an assumed pose."""
        upright, view = upright_film(film, pose, search.window_mm, finest_mm=search.spacing_mm / 2)
        outputs = run_film(self.coarse_session, upright, view.pixel_mm)
        coarse_px, confidence = outputs if len(outputs) == len(COARSE) else outputs[2:4]
        return seen(pose, np.column_stack([moved(coarse_px, view.to_film), confidence]), search.shape)

    def _refined(self, film: np.ndarray, look: Look, whole: tuple[np.ndarray, ...] | None) -> np.ndarray:
        """Run the local stage; ``whole`` is what the model gave for the whole film, if that is how it lies."""
        pose, view = look.pose, UprightFilm((film.shape[0], film.shape[1]), np.eye(3), look.pose.working_mm)
        if whole is None and self.search is not None:
            finest_mm = self.working_mm / 2 if pose.tilt_deg else 0.0
            film, view = upright_film(film, pose, self.search.window_mm, finest_mm)
            film, view = at_least(film, view, self.patch_size * self.working_mm)

        def local(start: np.ndarray) -> np.ndarray:
            outputs = whole
            if outputs is None or not np.array_equal(start, look.points[:, :2]):
                outputs = run_film(self.session, film, view.pixel_mm, None if self.older else start)
            return np.column_stack([*outputs[:2], np.zeros((len(start), 3)) if self.older else outputs[4]])

        return refined_points(look, view, local, self.search)

    def _judged(
        self, prediction: Prediction, evidence: np.ndarray, film: np.ndarray, suggested_mm: tuple[float, float] | None
    ) -> Prediction:
        if self.shape is None or self.rule is None:
            return prediction
        judged = judge(
            prediction.points_px,
            prediction.confidence,
            evidence,
            (film.shape[0], film.shape[1]),
            prediction.spacing_mm,
            self.shape,
            self.rule,
            None if suggested_mm is None else suggested_mm[0],
            partial(find_ruler, film),
        )
        changes = judged._asdict()
        if (ruler := changes.pop("ruler")) is not None:
            changes |= {"spacing_mm": (ruler.spacing_mm,) * 2, "spacing_source": "ruler"}
        prediction = replace(prediction, **changes)
        if self.table is None or "not a face" in prediction.doubts:
            return prediction
        uncertainty = estimate_uncertainty(
            prediction.points_px, prediction.confidence, evidence, prediction.spacing_mm, self.shape, self.table
        )
        return prediction if uncertainty is None else replace(prediction, **uncertainty._asdict())


def load_onnx_predictor(
    bundle: Path | None = None, spacing_mm: float | None = None, device: str = "auto"
) -> OnnxPredictor:
    """Load an exported model.

    Args:
        bundle: the folder of a bundle with a ``models/model.onnx``, or an ``.onnx`` file; None is the shipped bundle.
        spacing_mm: the films' pixel size; takes precedence over the one in the files.
        device: ``"auto"`` or ``"cpu"``.
    Raises:
        FileNotFoundError: there is no such model; the message tells how to make it.
        ImportError: onnxruntime is missing.
        ValueError: another device, a file that is not an exported model or has changed since, or a model of other
            weights than the bundle's.
    """
    if device not in ("auto", "cpu"):
        raise ValueError(f"The onnx backend runs on the CPU, not on '{device}'; use --device cpu or --backend torch.")
    source = default_bundle() if bundle is None else bundle
    path = source if source.suffix == ".onnx" else source / MODEL
    if not path.is_file():
        folder = "" if source == path or bundle is None else f" --bundle '{source}'"
        raise FileNotFoundError(
            f"There is no '{path}'; make it with: monai-ceph export --format onnx{folder} --output '{path}'"
        )
    check_sum(path)
    session = open_session(path)
    metadata: Mapping[str, str] = session.get_modelmeta().custom_metadata_map
    if source != path and metadata.get("bundle_sha256") != bundle_sha256(source):
        raise ValueError(f"'{path}' was exported from other weights or settings than '{source}' has; export it again.")
    try:
        content = json.loads(metadata["scheme"])
        scheme = LandmarkScheme(content["name"], tuple(Landmark(**row) for row in content["landmarks"]))
        shape, rule, table = (metadata.get(name) for name in JUDGES)
        weights_sha256 = metadata.get("weights_sha256", "")
        older = "spread_px2" not in [output.name for output in session.get_outputs()]
        if older:
            logger.warning("No expected errors: '%s' was exported before models had them; export it again.", path)
        working_mm, assumed_mm = float(metadata["working_spacing_mm"]), float(metadata["assumed_spacing_mm"])
        return OnnxPredictor(
            session=session,
            path=path,
            scheme=scheme,
            working_mm=working_mm,
            assumed_mm=(assumed_mm, assumed_mm),
            patch_size=int(metadata["patch_size"]),
            global_mm=float(metadata.get("global_spacing_mm", working_mm / 0.3)),
            low_confidence=float(metadata["low_confidence"]),
            spacing_mm=spacing_mm,
            weights_sha256=weights_sha256,
            shape=None if shape is None else FaceShape.parse(shape).of_landmarks(scheme.symbols),
            rule=None if rule is None else StatusRule.parse(rule),
            table=None if table is None or older else _kept_table(table, path, weights_sha256, scheme.symbols),
            older=older,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"'{path}' was not written by monai-ceph export: its metadata lack {error}.") from error


def _kept_table(text: str, path: Path, weights_sha256: str, symbols: tuple[str, ...]) -> UncertaintyTable | None:
    try:
        table = UncertaintyTable.parse(text)
    except (KeyError, TypeError, ValueError) as error:
        logger.warning(
            "No expected errors: the table in '%s' cannot be used (%s); export the model again.", path, error
        )
        return None
    return table.kept(weights_sha256, symbols, f"the table in '{path}'", "the model was exported from")


def bundle_sha256(bundle: Path) -> str:
    """Return one hash of a bundle's settings and weights. Raises OSError if there are none."""
    return hashlib.sha256(bundle_config(bundle).read_bytes() + weights_file(bundle).read_bytes()).hexdigest()

"""Predict with an exported model and onnxruntime. Neither torch nor MONAI is imported for it."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from monai_ceph.analysis.uncertainty import UncertaintyTable, estimate_uncertainty
from monai_ceph.data.film_workers import read_film_apart
from monai_ceph.face_shape import FILM_EXTENTS_MM, FaceFit, FaceShape, recognised
from monai_ceph.landmark_status import TURNED_BY_ITS_TAG, USUAL_SIZE, StatusRule, judge
from monai_ceph.landmarks import Landmark, LandmarkScheme
from monai_ceph.prediction import Prediction
from monai_ceph.predictor.bundle import bundle_config, default_bundle
from monai_ceph.predictor.predictor import Predictor, check_finite_result
from monai_ceph.ruler import find_ruler
from monai_ceph.spacing import check_extent, check_film_size

logger = logging.getLogger(__name__)

EXTRA = "Install the packages of the extra 'onnx': pip install 'monai-ceph[onnx]'."
"""What to do where they are missing."""
MODEL = Path("models") / "model.onnx"
"""Where a bundle keeps its exported model."""
JUDGES = ("face_shape", "landmark_status", "uncertainty")
"""What of a bundle's ``configs`` the metadata of an exported model hold, as JSON, to judge landmarks by."""
AS_IT_LIES = (
    "an exported model takes a film as it lies: if it is mirrored, turned or inverted, use the torch backend, which "
    "searches that"
)


@dataclass(eq=False)
class OnnxPredictor(Predictor):
    """Find the landmarks on films with onnxruntime.

    Args:
        session: an onnxruntime session of an exported model.
        scheme: the landmarks.
        working_mm, assumed_mm, patch_size: of the local stage, to refuse films that it cannot take.
        low_confidence: as in ``Predictor``.
        spacing_mm: the films' pixel size; takes precedence over the one in the files.
        weights_sha256: of the exported weights; empty if the model does not state it.
        shape, rule: the face shape and the rule by which landmarks are judged; without both, they are not judged.
        table: the uncertainty of points; None for a model that was exported without it.
    """

    session: Any
    scheme: LandmarkScheme
    working_mm: float
    assumed_mm: tuple[float, float]
    patch_size: int
    low_confidence: float = 0.0
    spacing_mm: float | None = None
    weights_sha256: str = ""
    shape: FaceShape | None = None
    rule: StatusRule | None = None
    table: UncertaintyTable | None = None

    @property
    def shares_cores(self) -> bool:
        return True

    def load(self, film: Path) -> dict[str, Any]:
        pixels, info = read_film_apart(film, self.spacing_mm)
        if info.spacing_mm is None and not self.judges:
            logger.warning("%s: pixel spacing unknown, scaled as if it were %g mm.", film, self.assumed_mm[0])
        spacing = info.spacing_mm or self.assumed_mm
        check_extent(pixels.shape, spacing, self.working_mm, str(film))
        if info.spacing_mm is not None or not self.judges:
            check_film_size(self._local_size(pixels, spacing), self.patch_size)
        return {"image": pixels, "info": info, "name": film.name}

    def film_pixels(self, item: dict[str, Any]) -> np.ndarray:
        return np.asarray(item["image"])

    def predict(self, item: dict[str, Any]) -> Prediction:
        info, film = item["info"], item["image"]
        look = self._best_look(film, info.spacing_mm, item["name"])
        check_finite_result(look.confidence, item["name"])
        prediction = Prediction(
            image=item["name"],
            scheme=self.scheme,
            points_px=look.points_px,
            confidence=look.confidence,
            spacing_mm=info.spacing_mm,
            spacing_source=info.spacing_source,
        )
        judged = self._judged(prediction, look, film, info.suggested_spacing_mm)
        if info.orientation != 1:
            judged = replace(judged, remarks=(*judged.remarks, TURNED_BY_ITS_TAG))
        return judged.doubted(info.remarks)

    @property
    def judges(self) -> bool:
        """Whether landmarks are judged, and the scale of a film of unknown pixel size is searched."""
        return self.shape is not None and self.rule is not None

    def _local_size(self, film: np.ndarray, spacing_mm: tuple[float, float]) -> list[int]:
        return [int(n * mm / self.working_mm) for n, mm in zip(film.shape, spacing_mm, strict=True)]

    def _best_look(self, film: np.ndarray, told_mm: tuple[float, float] | None, name: str) -> _Look:
        """Look at a film at the given pixel size; else at several, until a face is seen, then at the face's own."""
        if told_mm is not None or self.rule is None or self.shape is None:
            return self._look(film, told_mm or self.assumed_mm)
        looks: list[_Look] = []
        for mm in self._scales(film):
            looks.append(self._look(film, (mm, mm)))
            fit = looks[-1].fit
            if fit is not None and looks[-1].agreement >= self.rule.believable:
                own = mm * fit.working_mm
                if not USUAL_SIZE[0] <= 1 / fit.working_mm <= USUAL_SIZE[1]:
                    looks.append(self._look(film, (own, own)))
                break
        if not looks:
            raise ValueError(
                f"{name}: expected a film that can show a face, got {film.shape[0]} x {film.shape[1]} pixels, which is "
                "too narrow at any scale; is it a cephalogram?"
            )
        return max(looks, key=lambda look: look.agreement)

    def _scales(self, film: np.ndarray) -> Iterator[float]:
        for extent in FILM_EXTENTS_MM:
            mm = extent / math.sqrt(film.size)
            if min(self._local_size(film, (mm, mm))) >= self.patch_size:
                yield mm

    def _look(self, film: np.ndarray, mm: tuple[float, float]) -> _Look:
        points_px, confidence, coarse_px, coarse_confidence, *more = run_film(self.session, film, mm)
        fit, agreed = None, 0.0
        if self.shape is not None:
            fit, agreed = recognised(coarse_px * np.array(mm), coarse_confidence, self.shape)
        off_mm = np.hypot(*((points_px - coarse_px) * np.array(mm)).T)
        spread = more[0] if more else np.zeros((len(off_mm), 3))  # older exports have none
        evidence = np.column_stack([coarse_confidence, off_mm, np.tile([agreed, 0.0], (len(off_mm), 1)), spread])
        return _Look(points_px, confidence, evidence, fit, agreed)

    def _judged(
        self, prediction: Prediction, look: _Look, film: np.ndarray, suggested_mm: tuple[float, float] | None
    ) -> Prediction:
        if self.shape is None or self.rule is None:
            return prediction
        judged = judge(
            look.points_px,
            look.confidence,
            look.evidence,
            (film.shape[0], film.shape[1]),
            prediction.spacing_mm,
            self.shape,
            self.rule,
            None if suggested_mm is None else suggested_mm[0],
            partial(find_ruler, film),
        )
        if judged.ruler is not None:
            prediction = replace(prediction, spacing_mm=(judged.ruler.spacing_mm,) * 2, spacing_source="ruler")
        mm, face = prediction.spacing_mm, "not a face" not in judged.doubts
        uncertainty = None
        if self.table is not None and face:
            found = judged.points_px, look.confidence, look.evidence
            uncertainty = estimate_uncertainty(*found, mm, self.shape, self.table)
        return replace(
            prediction,
            points_px=judged.points_px,
            status=judged.status,
            remarks=judged.remarks if face else (*judged.remarks, AS_IT_LIES),
            doubts=judged.doubts,
            pose=judged.pose,
            **({} if uncertainty is None else uncertainty._asdict()),
        )


class _Look(NamedTuple):
    """Hold what a model found in a film at an assumed pixel size; see ``monai_ceph.landmark_status.EVIDENCE``."""

    points_px: np.ndarray
    confidence: np.ndarray
    evidence: np.ndarray
    fit: FaceFit | None
    agreement: float


def run_film(session: Any, film: np.ndarray, spacing_mm: tuple[float, float] | None) -> tuple[np.ndarray, ...]:
    """Run an exported model on a film (X, Y).

    Returns:
        Points (N, 2), film pixels, and confidences (N,); the same of the global stage; and, unless the model is an
        older one, the spread of the heatmaps (N, 3), film px^2. All are float64.
    """
    spacing = np.array((np.nan, np.nan) if spacing_mm is None else spacing_mm, dtype=np.float64)
    outputs = session.run(None, {"film": film[None, None].astype(np.float32), "spacing_mm": spacing})
    return tuple(output.astype(np.float64) for output in outputs)


def open_session(path: Path) -> Any:
    """Open an onnxruntime session on the CPU, with as many threads as this process may use.

    Raises:
        ImportError: onnxruntime is missing.
        ValueError: the file is not an ONNX model that it can run.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(f"The onnx backend needs onnxruntime. {EXTRA}") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _threads()
    options.log_severity_level = 3  # errors: it warns of each input that may be left out
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions have no common class
        raise ValueError(
            f"Cannot run '{path}' ({type(error).__name__}); expected a model of monai-ceph export."
        ) from error


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
        ValueError: another device, a file that is not an exported model, or one of other weights than the bundle's.
    """
    if device not in ("auto", "cpu"):
        raise ValueError(f"The onnx backend runs on the CPU, not on '{device}'; use --device cpu or --backend torch.")
    given = default_bundle() if bundle is None else Path(bundle)
    path = given if given.suffix == ".onnx" else given / MODEL
    if not path.is_file():
        folder = "" if given == path or bundle is None else f" --bundle '{given}'"
        raise FileNotFoundError(
            f"There is no '{path}'; make it with: monai-ceph export --format onnx{folder} --output '{path}'"
        )
    session = open_session(path)
    metadata: Mapping[str, str] = session.get_modelmeta().custom_metadata_map
    if given != path and metadata.get("bundle_sha256") != bundle_sha256(given):
        raise ValueError(f"'{path}' was exported from other weights or settings than '{given}' has; export it again.")
    try:
        content = json.loads(metadata["scheme"])
        scheme = LandmarkScheme(content["name"], tuple(Landmark(**row) for row in content["landmarks"]))
        shape, rule, table = (metadata.get(name) for name in JUDGES)
        weights_sha256 = metadata.get("weights_sha256", "")
        if "spread_px2" not in [output.name for output in session.get_outputs()]:
            logger.warning("No expected errors: '%s' was exported before models had them; export it again.", path)
            table = None
        return OnnxPredictor(
            session=session,
            scheme=scheme,
            working_mm=float(metadata["working_spacing_mm"]),
            assumed_mm=(float(metadata["assumed_spacing_mm"]),) * 2,
            patch_size=int(metadata["patch_size"]),
            low_confidence=float(metadata["low_confidence"]),
            spacing_mm=spacing_mm,
            weights_sha256=weights_sha256,
            shape=None if shape is None else FaceShape.parse(shape, scheme.symbols),
            rule=None if rule is None else StatusRule.parse(rule),
            table=None
            if table is None
            else UncertaintyTable.parse(table).kept(
                weights_sha256, scheme.symbols, f"the table in '{path}'", "the model was exported from"
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"'{path}' was not written by monai-ceph export: its metadata lack {error}.") from error


def bundle_sha256(bundle: Path) -> str:
    """Return one hash of a bundle's settings and weights. Raises OSError if there are none."""
    content = bundle_config(bundle).read_bytes() + (bundle / "models" / "model.pt").read_bytes()
    return hashlib.sha256(content).hexdigest()


def _threads() -> int:
    # onnxruntime itself counts the machine's cores, of which a container may have few. OMP_NUM_THREADS is what torch
    # goes by.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return int(os.environ.get("OMP_NUM_THREADS") or cores)

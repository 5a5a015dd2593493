"""The site calibration of the server: estimated from the films' own final labels, and applied to its predictions."""

from __future__ import annotations

import logging
import threading
from datetime import datetime, timezone
from typing import Any

from monai_ceph.data.label_folder import LabelFolder
from monai_ceph.finetuning.held_out import FEWEST
from monai_ceph.finetuning.runs import trained_on
from monai_ceph.label.proposals import Proposals
from monai_ceph.prediction import Prediction
from monai_ceph.predictor.bundle import root_cause
from monai_ceph.site import SiteError, SiteEstimate, estimate_site

logger = logging.getLogger(__name__)

MOST = 40
"""Only this many films are used, those labelled last: more hardly change the estimate, and each is predicted once."""
NOT_YET = "estimated when the first film is predicted"


FINE_TUNE = "there are labels enough to fine-tune, which brings the predictions still nearer to them"


class FolderSite:
    """Estimate a site calibration from final labels whenever these or the weights have changed.

    Films that the weights in use were trained on are left out, because predictions of them say little about other
    films.

    Args:
        proposals: predict films with the bundle in use, and remember them.
        folder: the films and labels.
    """

    def __init__(self, proposals: Proposals, folder: LabelFolder) -> None:
        self.proposals, self.model, self.folder = proposals, proposals.model, folder
        self._lock = threading.Lock()
        self._state: Any = None
        self._estimate: SiteEstimate | None = None
        self._reason = NOT_YET

    def apply(self, prediction: Prediction) -> Prediction:
        """Return a prediction with its points where the labels have them; as it is if that does not help.

        Args:
            prediction: of the weights in use.
        """
        with self._lock:
            self._update()
            estimate = self._estimate
        return estimate.site.apply(prediction) if estimate is not None and estimate.helps else prediction

    def info(self) -> dict[str, Any]:
        """Return what the last estimate is made from and what it does, ready for JSON."""
        estimate = self._estimate
        if estimate is None:
            return {"in_use": False, "films": 0, "reason": self._reason}
        before, after = (float(errors[errors == errors].mean()) for errors in estimate.errors_mm)
        shifts = dict(zip(estimate.site.symbols, estimate.site.shift_mm.round(2).tolist(), strict=True))
        return {
            "in_use": estimate.helps,
            "films": len(estimate.films),
            "reason": self._reason,
            "site": estimate.site.label,
            "held_out_error_before_mm": round(before, 3),
            "held_out_error_after_mm": round(after, 3),
            "shift_mm": shifts,
            "advice": FINE_TUNE if len(estimate.films) >= FEWEST else "",
            "remarks": list(estimate.remarks),
        }

    def _update(self) -> None:
        labels = self.folder.labels()
        trained = trained_on(self.model.bundle)
        times = {film: label.stat().st_mtime_ns for film, label in labels.items() if film not in trained}
        chosen = sorted(times, key=lambda film: (times[film], film))[-MOST:]
        state = (self.model.weights_id(), [(film, times[film]) for film in chosen])
        if state == self._state:
            return
        try:
            self._estimate = self._estimated(chosen)
            self._reason = "" if self._estimate.helps else "held-out films become no better"
        except SiteError as error:
            self._estimate, self._reason = None, str(error)
        self._state = state

    def _estimated(self, films: list[str]) -> SiteEstimate:
        paths = self.folder.films()
        predictions, annotated = [], []
        for film in films:
            try:
                points_px = self.folder.points_px(film, self.folder.label(film))
                proposal = self.proposals.get(paths[film])
            except (ValueError, LookupError, OSError, RuntimeError) as error:
                logger.warning("Film '%s' is not used for the site calibration: %s", film, root_cause(error))
                continue
            predictions.append(proposal.prediction)
            annotated.append(points_px)
        today = datetime.now(timezone.utc).date().isoformat()
        return estimate_site(predictions, annotated, self.model.predictor().weights_sha256, today)

"""Batch inference: predict many films one after the other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import HTTPException
from monailabel.interfaces.tasks.batch_infer import BatchInferTask

logger = logging.getLogger(__name__)


class FilmBatch(BatchInferTask):
    """Predict labels for many films. A film that cannot be read is logged, and the rest are still predicted."""

    def __call__(self, request: Mapping[str, Any], datastore: Any, infer: Callable[..., Any]) -> Any:
        """Predict the films that a request names.

        Args:
            request: ``images`` (all, labeled, unlabeled, or ids), ``label_tag``, ``max_batch_size``.
            datastore: the films.
            infer: called with a request and the datastore.
        Returns:
            For each film, the result of ``infer``, or ``{"error": message}``.
        """

        def infer_film(request: Mapping[str, Any], datastore: Any) -> Any:
            try:
                return infer(request, datastore)
            except Exception as error:
                message = error.detail if isinstance(error, HTTPException) else str(error)
                logger.warning("%s: %s", request["image"], message)
                return {"error": message}

        # There is one predictor, on the device chosen at the server's start. The stock default asks for all GPUs and
        # divides by zero where there are none.
        request = {**request, "multi_gpu": False, "gpus": "all", "max_workers": 1}
        return super().__call__(request, datastore, infer_film)

"""The model on many films, one after the other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import HTTPException
from monailabel.interfaces.tasks.batch_infer import BatchInferTask

logger = logging.getLogger(__name__)


class FilmBatch(BatchInferTask):
    """Proposes labels for films. A film that cannot be read is named in the log, and the others go on."""

    def __call__(self, request: Mapping[str, Any], datastore: Any, infer: Callable[..., Any]) -> dict[str, Any]:
        """
        Args:
            request: ``images`` (all, labeled, unlabeled, or ids), ``label_tag``, ``max_batch_size``.
            datastore: the films.
            infer: takes a request and the datastore.
        Returns:
            By film: what ``infer`` returned, or ``{"error": sentence}``.
        """

        def one(request: Mapping[str, Any], datastore: Any) -> dict[str, Any]:
            try:
                result: dict[str, Any] = infer(request, datastore)
            except Exception as error:
                sentence = error.detail if isinstance(error, HTTPException) else str(error)
                logger.warning("%s: %s", request["image"], sentence)
                return {"error": sentence}
            return result

        # One system on one device, chosen when the server started: the stock default asks for all GPUs, and without
        # any divides by their number.
        return super().__call__({**request, "multi_gpu": False, "gpus": "all", "max_workers": 1}, datastore, one)

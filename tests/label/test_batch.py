from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from fastapi import HTTPException

from monai_ceph.label.batch import FilmBatch

STOCK = {"device": "cuda", "multi_gpu": True, "gpus": "all", "max_workers": 1, "max_batch_size": 0, "save_label": True}
"""What MONAI Label's endpoint adds to an empty request."""


def _infer(request: dict[str, Any], datastore: Any) -> dict[str, Any]:
    if request["image"] == "cut short":
        raise HTTPException(422, "cut short.png: the PNG file is cut short.")
    if request["image"] == "odd":
        raise ZeroDivisionError("division by zero")
    return {"params": request["image"], "label_tag": request["label_tag"]}


def test_stock_request_works_without_a_gpu_and_goes_on_after_a_bad_film() -> None:
    store = SimpleNamespace(list_images=lambda: ["good", "cut short", "odd", "zoo"])
    result = FilmBatch()({**STOCK, "images": "all"}, store, _infer)
    assert result == {
        "cut short": {"error": "cut short.png: the PNG file is cut short."},
        "good": {"params": "good", "label_tag": "original"},
        "odd": {"error": "division by zero"},
        "zoo": {"params": "zoo", "label_tag": "original"},
    }


def test_films_can_be_named() -> None:
    assert list(FilmBatch()({**STOCK, "images": ["b"]}, SimpleNamespace(), _infer)) == ["b"]

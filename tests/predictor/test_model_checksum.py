"""The checksum in an exported model; tests/export/test_bundle.py damages a real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from monai_ceph.predictor.model_checksum import check_sum, sign


def test_model_without_the_entry_is_not_signed(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(b"older")
    with pytest.raises(ValueError, match=r"Expected metadata with 'file_sha256' in '.*model\.onnx', got none"):
        sign(model)
    assert model.read_bytes() == b"older"
    check_sum(model)  # an older export, which has none

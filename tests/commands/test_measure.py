"""``monai-ceph measure``: tables from points of any source, own definitions, and films of unknown pixel size."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from monai_ceph.cli import main
from monai_ceph.formats.isbi_text import isbi_text
from monai_ceph.formats.landmark_table import write_landmarks_csv
from monai_ceph.landmarks import ISBI19
from monai_ceph.prediction import annotated
from tests.analysis import faces


def _table(folder: Path, spacing_mm: tuple[float, float] | None) -> Path:
    face = annotated("face.png", ISBI19, (faces.LOOKS_LEFT + 100) / 0.1)
    write_landmarks_csv(folder / "landmarks.csv", [replace(face, spacing_mm=spacing_mm)])
    return folder / "landmarks.csv"


def _values(text: str) -> dict[tuple[str, str], float]:
    frame = pd.read_csv(io.StringIO(text))
    return {(row.analysis, row.measurement): row.value for row in frame.itertuples()}


def test_a_landmark_table_with_mm_needs_no_spacing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", str(_table(tmp_path, (0.1, 0.1)))]) == 0
    text, errors = capsys.readouterr()
    values = _values(text)
    assert {name: values[name] for name in faces.LEFT} == pytest.approx(faces.LEFT, abs=0.006)
    assert set(pd.read_csv(io.StringIO(text))["image"]) == {"face.png"} and errors == ""


def test_without_a_spacing_lengths_are_empty_and_the_reason_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["measure", str(_table(tmp_path, None)), "--output", str(tmp_path / "out.csv")]) == 0
    out, errors = capsys.readouterr()
    assert out == f"{tmp_path / 'out.csv'}: 1 film\n"
    assert "The pixel spacing of 1 film (face) is unknown, so no length is measured there; give it with" in errors
    frame = pd.read_csv(tmp_path / "out.csv", keep_default_na=False).set_index(["analysis", "measurement"])
    assert frame.loc[("Steiner", "U1 to N-A"), ["value", "z", "remark"]].tolist() == ["", "", "pixel spacing unknown"]
    assert float(frame.loc[("Steiner", "SNA"), "value"]) == pytest.approx(faces.LEFT[("Steiner", "SNA")], abs=0.006)


def test_annotations_of_another_format_are_measured_with_the_given_spacing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "texts").mkdir()
    points = np.round((faces.LOOKS_RIGHT + 100) / 0.1)
    (tmp_path / "texts" / "007.txt").write_text(isbi_text(points, ISBI19))
    assert main(["measure", str(tmp_path / "texts"), "--spacing", "0.1"]) == 0
    assert _values(capsys.readouterr().out)["Jarabak", "S-N"] == 70


def test_own_definitions_replace_the_shipped_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = [{"analysis": "mine", "name": "chin", "unit": "mm", "kind": "distance", "points": "Pog Me"}]
    (tmp_path / "mine.json").write_text(json.dumps(own), encoding="utf-8")
    arguments = ["measure", str(_table(tmp_path, (0.1, 0.1))), "--measurements", str(tmp_path / "mine.json")]
    assert main(arguments) == 0
    assert _values(capsys.readouterr().out) == {("mine", "chin"): 12.81}


def test_a_file_that_is_no_annotation_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", str(tmp_path / "none.csv")]) == 1
    assert "monai-ceph measure: error: " in capsys.readouterr().err

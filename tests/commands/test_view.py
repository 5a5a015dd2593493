"""``monai-ceph view``, up to the browser."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from monai_ceph.cli import main
from monai_ceph.phantoms import write_phantoms

pytest.importorskip("uvicorn", reason="the page is served with the extra 'view'")


def test_films_and_their_points_are_served_to_this_machine_alone(tmp_path: Path) -> None:
    films = tmp_path / "films"
    write_phantoms(films, 1, size=(242, 300), spacing_mm=0.8)
    output = tmp_path / "corrected"
    command = ("view", films, "--annotations", films / "points.csv", "--spacing", "0.8", "--output", output)
    with subprocess.Popen(
        [sys.executable, "-m", "monai_ceph", *map(str, command)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            first = process.stdout.readline()
            address = re.search(r"1 film; open (http://127\.0\.0\.1:\d+/) in a browser", first)
            assert address is not None, first
            assert f"Points are saved in {output.resolve()}" in process.stdout.readline()
            with urllib.request.urlopen(f"{address[1]}api/films", timeout=600) as answer:
                assert b'"phantom_000.png"' in answer.read()
            foreign = urllib.request.Request(f"{address[1]}api/films", headers={"Host": "evil.example"})
            with pytest.raises(urllib.error.HTTPError, match="400"):  # a name that was pointed at this machine
                urllib.request.urlopen(foreign, timeout=600)
        finally:
            process.terminate()


def test_missing_film_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", str(tmp_path / "nothing.png"), "--output", str(tmp_path / "out")]) == 1
    assert "there is no such film or folder; check the path" in capsys.readouterr().err


def test_bundle_is_run_only_if_it_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (film,) = write_phantoms(tmp_path, 1, size=(242, 300), spacing_mm=0.8)
    trusted = []

    def load(*model: object, trust: bool) -> None:
        trusted.append(trust)
        raise ValueError("enough")

    monkeypatch.setattr("monai_ceph.predictor.torch_predictor.load_torch_predictor", load)
    for option in ([], ["--trust-bundle"]):
        assert main(["view", str(film), "--output", str(tmp_path / "out"), *option]) == 1
    assert trusted == [False, True]

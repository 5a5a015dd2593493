"""``tools/verify_bundle.py``: passes on a whole bundle, and says what is wrong with any other."""

from __future__ import annotations

import importlib.util
import json
import shutil
import types
import urllib.error
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser


@pytest.fixture(scope="module")
def verify(repository: Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("verify_bundle", repository / "tools" / "verify_bundle.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def whole(bundle: Path, tmp_path: Path) -> Path:
    """A copy with random weights."""
    copy = tmp_path / "bundle"
    shutil.copytree(bundle, copy, ignore=shutil.ignore_patterns("runs", "eval", "models"))
    parser = ConfigParser()
    parser.read_config(str(copy / "configs" / "inference.json"))
    (copy / "models").mkdir()
    torch.save(parser.get_parsed_content("network_def").state_dict(), copy / "models" / "model.pt")
    return copy


def schema(folder: Path, required: list[str]) -> Path:
    path = folder / "schema.json"
    path.write_text(json.dumps({"type": "object", "required": required}))
    return path


def test_whole_bundle_passes(
    verify: types.ModuleType, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify.main(["--bundle", str(whole), "--schema", str(schema(tmp_path, ["version"]))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["ok"] * 8


def test_bundle_without_weights(verify: types.ModuleType, whole: Path) -> None:
    (whole / "models" / "model.pt").unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.pt is missing: no weights have been trained"):
        verify.check_files(whole)
    with pytest.raises(verify.Skipped, match=r"there is no .*model\.pt"):
        verify.check_export(whole)


def test_large_file(verify: types.ModuleType, whole: Path) -> None:
    with (whole / "models" / "large.pt").open("wb") as file:
        file.truncate(25_000_001)
    with pytest.raises(ValueError, match=r"larger than 25 MB: models/large\.pt"):
        verify.check_sizes(whole)


def test_version_without_a_line_in_the_changelog(verify: types.ModuleType, whole: Path) -> None:
    path = whole / "configs" / "metadata.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": "9.9"}))
    with pytest.raises(ValueError, match=r"version 9\.9 is not in the changelog"):
        verify.check_version(whole)


def test_metadata_that_the_schema_refuses(verify: types.ModuleType, whole: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'moon_phase' is a required property"):
        verify.check_metadata(whole, schema(tmp_path, ["moon_phase"]))


def test_schema_that_cannot_be_downloaded_is_a_skip(
    verify: types.ModuleType, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(url: str, timeout: float) -> None:
        assert timeout <= 30
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(verify, "REPOSITORY", tmp_path)
    monkeypatch.setattr(verify.urllib.request, "urlopen", offline)
    with pytest.raises(verify.Skipped, match=r"cannot be downloaded .*no network"):
        verify.check_metadata(whole, None)


def test_config_without_a_required_property(verify: types.ModuleType, whole: Path) -> None:
    path = whole / "configs" / "inference.json"
    content = json.loads(path.read_text())
    content["film_reader"] = content.pop("inferer")
    content["evaluator"]["inferer"] = "@film_reader"
    path.write_text(json.dumps(content))
    with pytest.raises(KeyError, match="Property 'inferer' with config ID 'inferer' not in the config"):
        verify.check_properties(whole, "infer", ["inference"])

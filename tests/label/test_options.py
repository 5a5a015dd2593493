from __future__ import annotations

from pathlib import Path

import pytest

from monai_ceph.label.options import Options


def test_unknown_conf_keys_are_ignored() -> None:
    assert Options.of({"spacing": "0.1", "server_mode": "true"}) == Options(spacing="0.1")


@pytest.mark.parametrize("spacing", ["a tenth", "0", "-1", "nan", "inf"])
def test_invalid_spacing_is_an_error(spacing: str) -> None:
    with pytest.raises(ValueError, match=f"--conf spacing {spacing}: pixel spacing must be"):
        Options.of({"spacing": spacing})


def test_films_of_a_store_are_in_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = Options().films_folder("http://host:8042/dicom-web/")
    assert folder.parent == tmp_path / "monai_ceph" / "dicomweb"
    assert folder == Options().films_folder("http://host:8042/dicom-web")  # a trailing slash does not matter
    assert folder != Options().films_folder("http://host:8043/dicom-web")
    assert Options(cache="here").films_folder("http://host/dicom-web") == Path("here")
    assert Options(cache="here").films_folder("films") == Path("films")

"""The web application: its answers, and the requests that it refuses."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from monai_ceph.landmarks import ISBI19
from tests.label.conftest import MODEL, Server


def test_info_lists_model_labels_and_strategies(server: Server) -> None:
    info = server.get("/info/").json()
    model = info["models"][MODEL]
    assert (model["type"], model["dimension"]) == ("detection", 2)  # 3D Slicer's module lists these under "Run"
    assert model["labels"] == info["labels"] == list(ISBI19.symbols)
    assert {"random", "first"} <= set(info["strategies"])
    assert info["datastore"]["total"] == 3


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/infer/spleen?image=phantom_000", f"There is no model 'spleen'; expected one of: {MODEL}."),
        ("/batch/infer/spleen", f"There is no model 'spleen'; expected one of: {MODEL}."),
        ("/train/spleen", "There is no model that trains 'spleen'; expected one of: "),
        ("/scoring/dice", "There is no scoring method 'dice'; expected one of: "),
        ("/activelearning/best", "There is no strategy 'best'; expected one of: most_uncertain, most_different, "),
    ],
)
def test_unknown_name_is_refused_with_the_known_names(server: Server, path: str, message: str) -> None:
    answer = server.post(path)
    assert answer.status_code == 404
    assert message in answer.json()["detail"]
    task, name = path.split("/")[1:3]
    if task in ("train", "scoring"):  # no process was started
        assert name not in server.get(f"/{task}/", params={"all": True}).text


@pytest.mark.parametrize("params", ["{", "[1, 2]", "5", '"text"', "[]]"])
def test_params_other_than_a_json_object_are_a_client_error(server: Server, params: str) -> None:
    answer = server.post(f"/infer/{MODEL}?image=phantom_000", data={"params": params})
    assert answer.status_code == 400
    assert "JSON" in answer.json()["detail"]


def test_very_long_file_suffix_is_a_client_error(server: Server) -> None:
    files = {"label": ("label." + "x" * 300, b"{}")}
    answer = server.request("PUT", "/datastore/label?image=phantom_000", files=files)
    assert answer.status_code == 400


def test_missing_film_is_a_client_error(server: Server) -> None:
    assert server.post(f"/infer/{MODEL}").status_code == 400
    assert server.post(f"/infer/{MODEL}?image=phantom_000&output=dicom_seg").status_code == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/proxy/dicom/qido/studies"),
        ("GET", "/ohif/"),
        ("POST", "/reload"),
        ("POST", f"/infer/wsi/{MODEL}?image=phantom_000"),
    ],
)
def test_endpoints_that_do_not_apply_to_films_are_not_served(server: Server, method: str, path: str) -> None:
    assert server.request(method, path).status_code in (404, 405)


def test_pages_of_other_origins_are_refused(server: Server) -> None:
    foreign = {"Origin": "http://elsewhere.example"}
    assert "access-control-allow-origin" not in server.get("/info/", headers=foreign).headers
    asked = {**foreign, "Access-Control-Request-Method": "PUT"}
    preflight = server.request("OPTIONS", "/datastore/label", headers=asked)
    assert preflight.status_code >= 400
    assert "access-control-allow-origin" not in preflight.headers


def test_server_listens_only_on_loopback(server: Server) -> None:
    # On Linux all of 127.0.0.0/8 is this machine; only a server on every address answers at 127.0.0.2.
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", urlsplit(server.url).port), timeout=5).close()

"""The web application: what it tells, what it refuses, and whom."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from monai_ceph.landmarks import ISBI19
from tests.label.conftest import MODEL, Server


def test_info_tells_a_client_what_there_is(server: Server) -> None:
    info = server.get("/info/").json()
    model = info["models"][MODEL]
    assert (model["type"], model["dimension"]) == ("detection", 2)  # what 3D Slicer's module lists under "Run"
    assert model["labels"] == info["labels"] == list(ISBI19.symbols)
    assert {"random", "first"} <= set(info["strategies"])
    assert info["datastore"]["total"] == 3


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/infer/spleen?image=phantom_000", f"There is no model 'spleen'; there is {MODEL}."),
        ("/batch/infer/spleen", f"There is no model 'spleen'; there is {MODEL}."),
        ("/train/spleen", "There is no model that trains 'spleen'; there is "),
        ("/scoring/dice", "There is no scoring method 'dice'; there is "),
        ("/activelearning/best", "There is no strategy 'best'; there is most_uncertain, most_different, "),
    ],
)
def test_an_unknown_name_is_refused_with_those_there_are(server: Server, path: str, sentence: str) -> None:
    answer = server.post(path)
    assert answer.status_code == 404
    assert sentence in answer.json()["detail"]
    task, name = path.split("/")[1:3]
    if task in ("train", "scoring"):  # a process was not started for it
        assert name not in server.get(f"/{task}/", params={"all": True}).text


@pytest.mark.parametrize("params", ["{", "[1, 2]", "5", '"text"', "[]]"])
def test_params_that_are_no_json_object_are_the_clients_mistake(server: Server, params: str) -> None:
    answer = server.post(f"/infer/{MODEL}?image=phantom_000", data={"params": params})
    assert answer.status_code == 400
    assert "JSON" in answer.json()["detail"]


def test_a_file_with_an_endless_suffix_is_the_clients_mistake(server: Server) -> None:
    files = {"label": ("label." + "x" * 300, b"{}")}
    answer = server.request("PUT", "/datastore/label?image=phantom_000", files=files)
    assert answer.status_code == 400


def test_no_film_is_the_clients_mistake(server: Server) -> None:
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
def test_what_is_not_for_films_is_not_served(server: Server, method: str, path: str) -> None:
    assert server.request(method, path).status_code in (404, 405)


def test_pages_of_other_servers_may_not_use_it(server: Server) -> None:
    foreign = {"Origin": "http://elsewhere.example"}
    assert "access-control-allow-origin" not in server.get("/info/", headers=foreign).headers
    asked = {**foreign, "Access-Control-Request-Method": "PUT"}
    preflight = server.request("OPTIONS", "/datastore/label", headers=asked)
    assert preflight.status_code >= 400
    assert "access-control-allow-origin" not in preflight.headers


def test_it_listens_on_this_machines_own_address_alone(server: Server) -> None:
    # All of 127.0.0.0/8 is this machine on Linux; only a server on every address answers at the second one.
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", urlsplit(server.url).port), timeout=5).close()

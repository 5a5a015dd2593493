"""Authentication with MONAI Label's OIDC settings and a local realm; labels are stored by the token's user."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.bundles.tiny import SPACING_MM
from tests.label.conftest import MODEL, Server, draw_films, label_of, running

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


class Realm(BaseHTTPRequestHandler):
    """Answer as Keycloak does at a realm's address."""

    def do_GET(self) -> None:
        body = json.dumps({"realm": "films", "public_key": base64.b64encode(PUBLIC).decode()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def server(label_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    realm = HTTPServer(("127.0.0.1", 0), Realm)
    threading.Thread(target=realm.serve_forever, daemon=True).start()
    settings = {
        "MONAI_LABEL_AUTH_ENABLE": "true",
        "MONAI_LABEL_AUTH_REALM_URI": f"http://127.0.0.1:{realm.server_port}/realms/films",
    }
    folder = draw_films(tmp_path_factory.mktemp("auth") / "films", 2)
    with running(folder, "--bundle", str(label_bundle), "--spacing", str(SPACING_MM), env=settings) as started:
        yield started
    realm.shutdown()
    realm.server_close()


def bearer(
    user: str | None, role: str = "annotator", key: Any = KEY, seconds: float = 600, **more: Any
) -> dict[str, str]:
    roles = {"user": 1, "annotator": 2, "admin": 4}[role]
    names = ["monailabel-user", "monailabel-annotator", "monailabel-reviewer", "monailabel-admin"][:roles]
    claims = {"preferred_username": user, "realm_access": {"roles": names}, "exp": time.time() + seconds}
    return {"Authorization": f"Bearer {jwt.encode(claims, key, algorithm='RS256')}"}


def unsigned() -> dict[str, str]:
    claims = {"preferred_username": "anna", "realm_access": {"roles": ["monailabel-admin"]}, "exp": time.time() + 600}
    return {"Authorization": f"Bearer {jwt.encode(claims, None, algorithm='none')}"}


@pytest.mark.parametrize(
    "headers",
    [
        lambda: {},
        lambda: {"Authorization": "Bearer nonsense"},
        lambda: bearer("anna", key=OTHER_KEY),
        lambda: bearer("anna", seconds=-60),
        lambda: bearer(None),
        unsigned,
    ],
    ids=["no token", "malformed", "wrong key", "expired", "no user name", "unsigned"],
)
@pytest.mark.parametrize("path", ["/info/", "/datastore/", "/datastore/image?image=phantom_000"])
def test_requests_without_a_valid_token_are_refused(
    server: Server, headers: Callable[[], dict[str, str]], path: str
) -> None:
    assert server.get(path, headers=headers()).status_code == 401


def test_roles_limit_what_a_user_may_do(server: Server) -> None:
    user, annotator = bearer("ute", "user"), bearer("anna", "annotator")
    assert server.get("/info/", headers=user).status_code == 200
    label = label_of(server, "phantom_000", headers=user)
    assert server.put_label("phantom_000", label, headers=user).status_code == 403
    assert server.put_label("phantom_000", label, headers=annotator).status_code == 200
    assert server.post(f"/batch/infer/{MODEL}", headers=annotator).status_code == 403


def test_label_belongs_to_the_tokens_user_whatever_the_request_says(server: Server) -> None:
    anna = label_of(server, "phantom_001", 1.0, headers=bearer("anna"))
    bert = label_of(server, "phantom_001", 2.0, headers=bearer("bert"))
    claimed = json.dumps({"user": "bert", "client_id": "bert"})
    assert server.put_label("phantom_001", bert, headers=bearer("bert")).status_code == 200
    assert server.put_label("phantom_001", anna, params=claimed, headers=bearer("anna")).status_code == 200
    labels = server.folder / "labels" / "annotators"
    assert (labels / "anna" / "phantom_001.mrk.json").read_bytes() == anna
    assert (labels / "bert" / "phantom_001.mrk.json").read_bytes() == bert


def test_user_name_with_a_path_is_refused(server: Server) -> None:
    headers = bearer("../../etc")
    label = label_of(server, "phantom_000", headers=headers)
    assert server.put_label("phantom_000", label, headers=headers).status_code == 400

"""Authentication: the user that an OIDC token names.

MONAI Label's own settings turn it on (with Keycloak or another OIDC provider that publishes its key at the realm's
address):

    MONAI_LABEL_AUTH_ENABLE=true
    MONAI_LABEL_AUTH_REALM_URI=https://HOST/realms/REALM    answers {"public_key": ...}
    MONAI_LABEL_AUTH_CLIENT_ID=monailabel-app
    MONAI_LABEL_AUTH_TOKEN_USERNAME=preferred_username      claims of the token
    MONAI_LABEL_AUTH_TOKEN_ROLES=realm_access#roles
    MONAI_LABEL_AUTH_ROLE_ADMIN, _REVIEWER, _ANNOTATOR, _USER   names of the roles: monailabel-admin and so on

A user may view films, run inference and request the next film. An annotator may also upload labels and films. An admin
may also train, run batch inference and delete. Labels are stored under the token's user name, whatever the request
says. Without authentication everybody is an admin, and the request's ``user`` or ``client_id`` names the annotator.
"""

from __future__ import annotations

from typing import Any

import jwt
import requests
from fastapi import Depends, HTTPException
from monailabel.config import settings
from monailabel.endpoints.user.auth import DEFAULT_USER, User, get_public_key, oauth2_scheme
from starlette.concurrency import run_in_threadpool

from monai_ceph.label.store import current_user

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256")
"""Public-key signatures. MONAI Label 0.8.5 passes none, so PyJWT 2 would refuse every token."""


async def token_user(token: str = Depends(oauth2_scheme) if settings.MONAI_LABEL_AUTH_ENABLE else "") -> User:
    """Return the token's user and store labels under its name; replaces MONAI Label's ``get_current_user``.

    Raises:
        HTTPException: 401 the token is invalid or has expired, 503 the realm does not answer.
    """
    if not settings.MONAI_LABEL_AUTH_ENABLE:
        return DEFAULT_USER
    user = await run_in_threadpool(checked_user, token)  # the realm may take its time
    current_user.set(user.username)
    return user


def checked_user(token: str) -> User:
    """Return the user of a valid token; raises as :func:`token_user`."""
    try:
        claims = jwt.decode(
            token,
            get_public_key(settings.MONAI_LABEL_AUTH_REALM_URI),
            algorithms=list(ALGORITHMS),
            options={"verify_aud": False, "require": ["exp"]},
        )
        return user_of(claims)
    except (jwt.InvalidTokenError, ValueError) as error:
        raise HTTPException(401, f"The token is not accepted: {error}.", {"WWW-Authenticate": "Bearer"}) from error
    except (requests.RequestException, KeyError) as error:
        realm = settings.MONAI_LABEL_AUTH_REALM_URI
        raise HTTPException(503, f"'{realm}' returned no key to check the token with; check the realm.") from error


def user_of(claims: dict[str, Any]) -> User:
    """Return the user in a token's claims; raise ValueError if they name none."""
    name = claims.get(settings.MONAI_LABEL_AUTH_TOKEN_USERNAME)
    if not isinstance(name, str) or not name:
        raise ValueError(f"it has no user name in the claim '{settings.MONAI_LABEL_AUTH_TOKEN_USERNAME}'")
    roles: Any = claims
    for key in settings.MONAI_LABEL_AUTH_TOKEN_ROLES.split("#"):
        roles = roles.get(key) if isinstance(roles, dict) else None
    return User(
        username=name,
        email=claims.get(settings.MONAI_LABEL_AUTH_TOKEN_EMAIL),
        name=claims.get(settings.MONAI_LABEL_AUTH_TOKEN_NAME),
        roles=roles if isinstance(roles, list) else [],
    )

"""A small OpenID Connect provider for tests, in a thread: discovery, code flow with PKCE and nonce, signed ID token.

It recognises people by the name they type, and returns the claims that the test set for them. ``spoil`` changes an ID
token before it is sent, as a broken or hostile provider might, and without ``is_signed`` it has no signature.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID, CLIENT_SECRET = "bone", "secret-of-the-client"
Claims = dict[str, Any]


@dataclass(kw_only=True)
class Provider:
    """The provider; ``people`` are the claims by typed name, ``asked`` the requests received, newest last."""

    issuer: str
    redirect_uri: str = ""
    people: dict[str, Claims] = field(default_factory=dict)
    spoil: Callable[[Claims], Claims] = lambda claims: claims
    signed_by: RSAKey | None = None
    is_signed: bool = True
    asked: list[str] = field(default_factory=list)
    _key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, auto_kid=True))
    _codes: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def routes(self) -> list[Route]:
        """Its endpoints."""
        return [
            Route("/.well-known/openid-configuration", self._metadata),
            Route("/jwks", self._jwks),
            Route("/authorize", self._form),
            Route("/authorize", self._authorize, methods=["POST"]),
            Route("/token", self._token, methods=["POST"]),
            Route("/logout", self._logout),
        ]

    async def _metadata(self, _: Request) -> Response:
        self.asked.append("metadata")
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "end_session_endpoint": f"{self.issuer}/logout",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256", "none"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            }
        )

    async def _jwks(self, _: Request) -> Response:
        return JSONResponse({"keys": [self._key.as_dict(private=False)]})

    async def _form(self, request: Request) -> Response:
        self.asked.append("authorize")
        given = {
            name: request.query_params.get(name, "") for name in ("redirect_uri", "state", "nonce", "code_challenge")
        }
        is_ours = request.query_params.get("client_id") == CLIENT_ID and given["redirect_uri"] == self.redirect_uri
        if not is_ours or not all(given.values()):
            return HTMLResponse("client, redirect_uri, state, nonce or PKCE is missing or wrong", status_code=400)
        hidden = "".join(f"<input type=hidden name={name} value='{html.escape(v)}'>" for name, v in given.items())
        return HTMLResponse(
            f"<title>Provider</title><form method=post>{hidden}<input name=who autofocus><button>Go on</button></form>"
        )

    async def _authorize(self, request: Request) -> Response:
        given = {name: str(value) for name, value in (await request.form()).items()}
        if given.get("who") not in self.people or given.get("redirect_uri") != self.redirect_uri:
            return HTMLResponse("nobody of that name", status_code=400)
        code = secrets.token_urlsafe(16)
        self._codes[code] = given
        query = urlencode({"code": code, "state": given["state"]})
        return RedirectResponse(f"{self.redirect_uri}?{query}", status_code=303)

    async def _token(self, request: Request) -> Response:
        self.asked.append("token")
        given = await request.form()
        expected = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        code = self._codes.pop(str(given.get("code")), None)
        verifier = hashlib.sha256(str(given.get("code_verifier", "")).encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        if code is None or challenge != code["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        return JSONResponse(
            {
                "access_token": secrets.token_urlsafe(16),
                "token_type": "Bearer",
                "expires_in": 300,
                "id_token": self._id_token(self.people[code["who"]], code["nonce"]),
            }
        )

    def _id_token(self, claims: Claims, nonce: str) -> str:
        now = int(time.time())
        whole = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": nonce, **claims}
        if not self.is_signed:
            return unsigned(self.spoil(whole))
        key = self.signed_by or self._key
        return jwt.encode({"alg": "RS256", "kid": self._key.kid}, self.spoil(whole), key)

    async def _logout(self, request: Request) -> Response:
        self.asked.append("logout")
        return RedirectResponse(request.query_params["post_logout_redirect_uri"])


def unsigned(claims: Claims) -> str:
    """An ID token with the algorithm 'none'."""
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in ({"alg": "none"}, claims))
    return ".".join(part.rstrip("=") for part in (*parts, ""))


@contextmanager
def run_provider() -> Iterator[Provider]:
    """Run a provider at ``issuer`` until the end of the block."""
    listener = socket.create_server(("127.0.0.1", 0))
    provider = Provider(issuer=f"http://localhost:{listener.getsockname()[1]}")
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=provider.routes()), log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.should_exit = True
        thread.join(timeout=10)


def secrets_toml(provider: Provider, redirect_uri: str, cookie_secret: str) -> str:
    """Section [auth] of Streamlit's secrets for this provider."""
    return (
        f'[auth]\nredirect_uri = "{redirect_uri}"\ncookie_secret = "{cookie_secret}"\nclient_id = "{CLIENT_ID}"\n'
        f'client_secret = "{CLIENT_SECRET}"\nserver_metadata_url = "{provider.issuer}/.well-known/openid-configuration"\n'
    )

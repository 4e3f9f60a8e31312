"""An ID token counts only with a signature, whatever the provider's discovery document lists."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from authlib.integrations.starlette_client import OAuth
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from pages.ui.access.sign_in import check_start
from tests.builders.oidc import unsigned
from tests.pages.access.test_sign_in import GOOD, Write, toml, write

__all__ = ["write"]

ISSUER, KEY = "https://login.example", RSAKey.generate_key(2048, auto_kid=True)


def claims_in(token: str) -> dict[str, Any]:
    """The claims that Streamlit's library takes from an ID token."""
    client = OAuth().register("own", client_id=GOOD["client_id"], client_secret="x")
    algorithms = ["RS256", "none", "HS256"]
    client.server_metadata = {
        "issuer": ISSUER,
        "jwks": {"keys": [KEY.as_dict(private=False)]},
        "id_token_signing_alg_values_supported": algorithms,
    }
    return dict(asyncio.run(client.parse_id_token({"id_token": token, "access_token": "a"}, nonce="n")))


def test_an_unsigned_token_lets_nobody_in(write: Write) -> None:
    write(toml())
    check_start()
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": GOOD["client_id"], "sub": "s", "iat": now, "exp": now + 300, "nonce": "n"}
    assert claims_in(jwt.encode({"alg": "RS256", "kid": KEY.kid}, claims, KEY)) == claims
    with pytest.raises(JoseError, match="none"):
        claims_in(unsigned(claims))


@pytest.mark.parametrize(("mode", "is_told"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_secrets_that_other_accounts_may_read_are_told(
    mode: int, is_told: bool, write: Write, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    write(toml())
    (tmp_path / "secrets.toml").chmod(mode)
    check_start()
    assert ("other accounts of this machine may read" in caplog.text) is is_told

"""How people sign in here: section [auth] of Streamlit's secrets, checked before the server starts."""

from __future__ import annotations

import functools
import importlib.util
import logging
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from streamlit import config
from streamlit.auth_util import get_redirect_uri, get_secrets_auth_section
from streamlit.runtime.secrets import secrets_singleton

from osteo_core.errors import SettingsError
from osteo_core.settings import Settings, read_settings
from osteo_core.whole_files import open_to_others
from pages.ui.access.roles import Role

_log = logging.getLogger("osteo.sign_in")
_CALLBACK = "/oauth2callback"
_NEEDED = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")
#: Minimum length of a cookie secret, and of its distinct characters: 32 random hex digits pass.
_LEAST_SECRET, _LEAST_DIFFERENT = 32, 8


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """The configured sign-in. ``origin``: the dashboard's origin as browsers send it ('https://bone.site');
    ``client_id``: the dashboard at the identity provider.
    """

    origin: str
    cookie_secret: str
    client_id: str


@functools.cache
def read_sign_in() -> SignIn | None:
    """The sign-in of this site, or None. Raises SettingsError for an unusable one.

    Read once per process: a slip while editing the file must not open a running server.
    """
    section = get_secrets_auth_section()
    if not section:
        _check_files()
        return None
    missing = [name for name in _NEEDED if not section.get(name)]
    if missing:
        names = ", ".join(missing)
        raise SettingsError(f"sign-in: section [auth] of the secrets lacks {names}; see docs/administrator.md")
    secret, metadata = str(section["cookie_secret"]), urlsplit(str(section["server_metadata_url"]))
    address = urlsplit(get_redirect_uri(section) or "")
    if len(secret) < _LEAST_SECRET or len(set(secret)) < _LEAST_DIFFERENT:
        raise SettingsError(
            f"sign-in: cookie_secret must be at least {_LEAST_SECRET} random characters; make one with python -c "
            "'import secrets; print(secrets.token_hex(32))'"
        )
    if not address.netloc or address.path != _CALLBACK:
        raise SettingsError(f"sign-in: redirect_uri must be the dashboard's address and {_CALLBACK}")
    if address.netloc != address.netloc.lower() or address.netloc.endswith((":443", ":80")) or "@" in address.netloc:
        raise SettingsError(
            "sign-in: write redirect_uri as browsers do: in lower case, without the default port or a user name"
        )
    for what, given in (("redirect_uri", address), ("server_metadata_url", metadata)):
        if given.scheme != "https" and not (given.scheme == "http" and is_loopback(given.hostname or "")):
            raise SettingsError(f"sign-in: {what} must begin with https; http is allowed for this machine only")
    origin = f"{address.scheme}://{address.netloc}"
    return SignIn(origin=origin, cookie_secret=secret, client_id=str(section["client_id"]))


def _check_files() -> None:
    """Streamlit treats an unreadable file as missing: that must not switch the sign-in off."""
    named = config.get_option("secrets.files")
    there = [Path(file) for file in named if Path(file).exists()]
    if not there and config.is_manually_set("secrets.files"):
        raise SettingsError(f"sign-in: there is no file at {', '.join(named)} (option secrets.files)")
    if there and not secrets_singleton.load_if_toml_exists():
        raise SettingsError(f"sign-in: {there[-1]} cannot be read, or is not valid TOML; fix it or remove it")
    if there and "auth" in secrets_singleton.to_dict():
        raise SettingsError("sign-in: section [auth] of the secrets is empty; fill it in or remove it")


def _refuse_unsigned_tokens() -> None:
    """Authlib accepts every algorithm that the provider's discovery document lists, and some list 'none'."""
    from joserfc.jws import JWSRegistry

    JWSRegistry.algorithms.pop("none", None)


def is_loopback(host: str) -> bool:
    """Whether a host name or address means only this machine."""
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback  # '::ffff:127.0.0.1' is this machine too


def role_names(settings: Settings) -> dict[str, Role]:
    """Which value of the role claim is which role (setting role_values). Raises SettingsError for another role."""
    if not settings.role_values.strip():
        return {role.value: role for role in Role}
    found = {}
    for pair in settings.role_values.split(","):
        value, _, role = (part.strip() for part in pair.rpartition("="))
        if not value or role not in set(Role):
            raise SettingsError(
                f"setting role_values must be pairs 'value of the claim = role' of {', '.join(Role)}, "
                f"found {pair.strip()!r}"
            )
        found[value] = Role(role)
    return found


def check_start() -> None:
    """Check whether the server may start like this. Raises SettingsError with what to do."""
    settings, sign_in = read_settings(), read_sign_in()
    role_names(settings)
    if config.get_option("server.baseUrlPath"):  # the table of routes (roles.py) begins at the root
        raise SettingsError(
            "do not set Streamlit's option server.baseUrlPath: the dashboard must be at the root of its host"
        )
    if sign_in is not None:
        if importlib.util.find_spec("authlib") is None:
            raise SettingsError("sign-in needs the package authlib; install requirements.txt")
        _refuse_unsigned_tokens()
        for fault in filter(None, (open_to_others(Path(file)) for file in config.get_option("secrets.files"))):
            _log.warning("sign-in: %s", fault)
        for option in ("server.enableXsrfProtection", "server.enableCORS"):
            if not config.get_option(option):
                raise SettingsError(f"sign-in needs Streamlit's option {option}; do not switch it off")
        if config.get_option("server.trustedUserHeaders"):
            raise SettingsError(
                "sign-in: do not set server.trustedUserHeaders, which would let users bypass the sign-in"
            )
        return
    address = config.get_option("server.address") or "0.0.0.0"
    if not (is_loopback(address) or address.startswith("unix://") or settings.open_to_network):
        raise SettingsError(
            f"without a sign-in the dashboard listens on this machine only, but {address} is open to others: set up "
            "the sign-in (docs/administrator.md), or write open_to_network = true if the network is protected in "
            "another way"
        )

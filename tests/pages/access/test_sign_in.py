"""The sign-in's configuration: what is refused before the server starts, and how claims become roles."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit import config
from streamlit.runtime.secrets import secrets_singleton

from osteo_core.errors import SettingsError
from osteo_core.settings import Settings
from pages.ui.access.roles import Role
from pages.ui.access.sign_in import check_start, is_loopback, read_sign_in, role_names
from pages.ui.access.users import login_of, user_of, user_of_cookies
from tests.house.sources import ROOT
from tests.pages.access.conftest import SECRET, claims_of, with_sign_in

__all__ = ["with_sign_in"]

GOOD = {
    "redirect_uri": "https://bone.example/oauth2callback",
    "cookie_secret": SECRET,
    "client_id": "bone",
    "client_secret": "x",
    "server_metadata_url": "https://login.example/.well-known/openid-configuration",
}
Write = Callable[[str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write this text to the secrets file, as if the server had been restarted."""
    file, before = tmp_path / "secrets.toml", config.get_option("secrets.files")
    defined = config.get_where_defined("secrets.files")
    monkeypatch.chdir(tmp_path)

    def write_(text: str) -> None:
        file.write_text(text)
        secrets_singleton._reset()
        read_sign_in.cache_clear()
        config.set_option("secrets.files", [str(file)])

    yield write_
    config.set_option("secrets.files", before, defined)
    secrets_singleton._reset()
    read_sign_in.cache_clear()


def toml(**changed: str | None) -> str:
    values = {**GOOD, **changed}
    return "[auth]\n" + "".join(f'{name} = "{value}"\n' for name, value in values.items() if value is not None)


def test_a_good_section_gives_origin_and_secret(write: Write) -> None:
    write(toml())
    found = read_sign_in()
    assert found is not None
    assert (found.origin, found.cookie_secret, found.client_id) == ("https://bone.example", SECRET, GOOD["client_id"])
    check_start()


def test_a_file_that_is_named_and_not_there_is_no_local_user(write: Write, tmp_path: Path) -> None:
    write(toml())
    (tmp_path / "secrets.toml").unlink()
    secrets_singleton._reset()
    with pytest.raises(SettingsError, match="there is no file at"):
        read_sign_in()


def test_no_section_is_no_sign_in(write: Write) -> None:
    write('[database]\npassword = "x"\n')
    assert read_sign_in() is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[auth\n", "not valid TOML"),
        ("[auth]\n", "is empty"),
        *((toml(**{name: None}), f"lacks {name}") for name in GOOD),
        (toml(cookie_secret="short"), "32 random characters"),
        (toml(cookie_secret="a" * 64), "32 random characters"),
        (toml(cookie_secret="changeme" * 3), "32 random characters"),
        (toml(redirect_uri="https://bone.example/"), "redirect_uri must be"),
        (toml(redirect_uri="https://bone.example:443/oauth2callback"), "as browsers do"),
        (toml(redirect_uri="https://Bone.example/oauth2callback"), "as browsers do"),
        (toml(redirect_uri="https://me@bone.example/oauth2callback"), "as browsers do"),
        (toml(redirect_uri="/oauth2callback"), "redirect_uri must be"),
        (toml(redirect_uri="http://bone.example/oauth2callback"), "redirect_uri must begin with https"),
        (toml(server_metadata_url="http://login.example/x"), "server_metadata_url must begin with https"),
    ],
)
def test_a_section_that_cannot_be_meant_is_refused_and_opens_nothing(text: str, words: str, write: Write) -> None:
    write(text)
    with pytest.raises(SettingsError, match=words):
        check_start()
    with pytest.raises(SettingsError, match=words):
        read_sign_in()


def test_a_file_that_is_spoiled_while_the_server_runs_opens_no_door(write: Write, tmp_path: Path) -> None:
    write(toml())
    held = read_sign_in()
    (tmp_path / "secrets.toml").write_text("[auth\n")
    secrets_singleton._reset()
    assert read_sign_in() is held


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("server.enableXsrfProtection", False, "server.enableXsrfProtection"),
        ("server.enableCORS", False, "server.enableCORS"),
        ("server.trustedUserHeaders", {"X-User": "sub"}, "trustedUserHeaders"),
        ("server.baseUrlPath", "bone", "server.baseUrlPath"),
    ],
)
def test_options_that_go_past_the_sign_in_are_refused(option: str, value: object, words: str, write: Write) -> None:
    write(toml())
    before = config.get_option(option)
    config.set_option(option, value)
    try:
        with pytest.raises(SettingsError, match=words):
            check_start()
    finally:
        config.set_option(option, before)


@pytest.mark.parametrize(
    ("address", "starts"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("unix:///tmp/x", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("bone.example", False),
        (None, False),
    ],
)
def test_without_a_sign_in_another_address_than_this_machines_is_refused(
    address: str | None, starts: bool, monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    write("")
    before = config.get_option("server.address")
    config.set_option("server.address", address)
    try:
        if not starts:
            with pytest.raises(SettingsError, match="listens on this machine only"):
                check_start()
            monkeypatch.setenv("OSTEO_OPEN_TO_NETWORK", "true")
        check_start()
    finally:
        config.set_option("server.address", before)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--server.address", "0.0.0.0"], "listens on this machine only"),
        (["--secrets.files", "{secrets}"], "at least 32 random characters"),
    ],
)
def test_the_server_says_why_it_does_not_start(options: list[str], words: str, tmp_path: Path) -> None:
    (tmp_path / "secrets.toml").write_text(toml(cookie_secret="short"))
    given = [option.format(secrets=tmp_path / "secrets.toml") for option in options]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", "0", *given]
    environment = {**os.environ, "OSTEO_STORE": str(tmp_path / "store"), "OSTEO_NO_DEMO": "1"}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 1
    assert ended.stderr.count("The dashboard does not start: ") == 1
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "store").exists()


def test_the_project_listens_on_this_machine_alone() -> None:
    text = (ROOT / ".streamlit" / "config.toml").read_text()
    assert 'address = "localhost"' in text
    names = ("localhost", "127.0.0.1", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "localhost.evil.example", "")
    assert [is_loopback(name) for name in names] == [True, True, True, True, False, False, False]


def test_values_of_the_claim_are_mapped_to_roles() -> None:
    settings = Settings(role_values="/bone/lead = lead, radiologists=reader, a=b = researcher")
    assert role_names(settings) == {"/bone/lead": Role.LEAD, "radiologists": Role.READER, "a=b": Role.RESEARCHER}
    assert role_names(Settings()) == {role.value: role for role in Role}


@pytest.mark.parametrize("values", ["lead", "x = boss", "= lead", "x =", "a = lead,,b = reader"])
def test_a_mapping_that_cannot_be_meant_is_refused(values: str) -> None:
    with pytest.raises(SettingsError, match="setting role_values must be pairs"):
        role_names(Settings(role_values=values))


@pytest.mark.parametrize(
    ("claim", "claims"),
    [
        ("roles", {"roles": ["lead"]}),
        ("roles", {"roles": "lead"}),
        ("realm_access.roles", {"realm_access": {"roles": ["offline_access", "lead"]}}),
        ("https://site.example/roles", {"https://site.example/roles": ["lead"]}),
    ],
)
def test_roles_are_read_from_the_claim_that_the_site_names(claim: str, claims: dict[str, Any]) -> None:
    user = user_of({**claims_of(), "roles": None, **claims}, Settings(role_claim=claim))
    assert user is not None
    assert user.roles == {Role.LEAD}


def test_a_sign_in_holds_from_when_it_was_made_for_the_hours_that_the_site_sets() -> None:
    claims, settings = claims_of("lead", iat=1000), Settings(session_hours=2, idle_minutes=0)
    held = {at: user_of(claims, settings, clock=lambda at=at: at) is not None for at in (600, 700, 1000, 8199, 8200)}
    assert held == {600: False, 700: True, 1000: True, 8199: True, 8200: False}


@pytest.mark.parametrize(
    ("audience", "is_in"),
    [
        ("bone", True),
        (["other", "bone"], True),
        ("other", False),
        (["other"], False),
        ([], False),
        ("", False),
        (None, False),
    ],
)
def test_a_token_for_another_client_lets_nobody_in(audience: Any, is_in: bool, with_sign_in: Any) -> None:
    """The library that Streamlit uses accepts it if 'azp' names us."""
    claims = claims_of("lead", aud=audience, azp="bone")
    assert (user_of(claims, Settings()) is not None) is is_in
    assert (user_of_cookies(with_sign_in("lead", aud=audience, azp="bone")) is not None) is is_in


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Anna\u202e Example", "Anna Example"),
        ("Anna\x1b[2J\n\x00 Example\u200b", "Anna [2J Example"),
        (" ", "subject-1"),
        ("\u202e", "subject-1"),
        ("Ä" * 300, "Ä" * 100),
    ],
)
def test_a_name_is_one_short_line_that_turns_and_hides_no_text(sent: str, shown: str) -> None:
    user = user_of(claims_of("lead", name=sent), Settings())
    assert user is not None
    assert user.name == shown


def test_another_sign_in_of_the_same_person_is_another() -> None:
    assert login_of(claims_of("lead", iat=1)) == login_of(claims_of("reader", iat=1))
    assert login_of(claims_of("lead", iat=1)) != login_of(claims_of("lead", iat=2))
    assert login_of(claims_of("lead", iat=1)) != login_of(claims_of("lead", iat=1, nonce="m"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(
    claims=st.dictionaries(st.sampled_from(["sub", "iat", "roles", "name", "email", "x"]), JSON),
    claim=st.text(min_size=1),
)
def test_any_claims_give_a_user_or_nobody(claims: dict[str, Any], claim: str) -> None:
    user = user_of(claims, Settings(role_claim=claim))
    assert user is None or (user.subject and user.roles <= set(Role))

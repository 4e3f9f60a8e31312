"""The app run as each role: the menu, every page that is closed to it, and what pages leave out."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from osteo_core.errors import UsageError
from pages.ui import services
from pages.ui.access import users
from pages.ui.access.roles import ACTIONS, PAGES, Action, NotAllowedError, Role
from pages.ui.access.users import later, user_of
from pages.ui.shared import sign_in
from tests.builders.cohort import build_cohort
from tests.pages.access.conftest import claims_of
from tests.pages.conftest import ROOT
from tests.pages.test_pages import texts

AsRole = Callable[..., AppTest]


@pytest.fixture
def as_claims(filled_store: Path, in_store: Callable[[Path], None], with_sign_in: Callable[..., Any]) -> AsRole:
    """Home as a person with these claims."""

    def open_(claims: dict[str, Any]) -> AppTest:
        in_store(filled_store)
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        app.user = claims
        return app.run()

    return open_


@pytest.mark.parametrize("role", Role)
def test_a_role_opens_home_and_is_told_of_every_page_that_is_closed(
    role: Role, as_claims: AsRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "note_sign_in", lambda user: None)  # the store is shared and read-only
    app = as_claims(claims_of(role))
    assert not app.exception
    assert [title.value for title in app.title] == ["Home"]
    keys = {button.key for button in app.button}
    assert "sign-out" in keys
    assert ("index-start" in keys) == (role in ACTIONS[Action.INDEX])
    for page in (name for name, roles in PAGES.items() if role not in roles):
        app.switch_page(f"pages/{page}.py").run()
        assert not app.exception
        assert "403" in app.error[0].value
        assert f"is not for your role ({role})" in app.error[0].value
        assert not app.dataframe
        assert not app.metric


@pytest.mark.parametrize(("role", "where"), [(Role.READER, "the worklist"), (Role.RESEARCHER, "a list on Exclusions")])
def test_without_a_patient_the_page_names_a_page_that_the_role_may_open(
    role: Role, where: str, as_claims: AsRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "note_sign_in", lambda user: None)  # the store is shared and read-only
    app = as_claims(claims_of(role)).switch_page("pages/patient.py").run()
    assert f"No patient is open. Choose one in {where}." in texts(app)


@pytest.mark.parametrize("claims", [{}, {"is_logged_in": False}, claims_of("lead", iat=1), claims_of("lead", sub=None)])
def test_nobody_sees_the_sign_in_and_nothing_else(claims: dict[str, Any], as_claims: AsRole) -> None:
    app = as_claims(claims)
    assert not app.exception
    assert [button.label for button in app.button] == ["Sign in"]
    assert not app.metric
    assert "Home" not in texts(app)


@pytest.mark.parametrize(
    "roles", [[], ["gardener"], ["Lead"], ["lead "], "leader", {"lead": True}, None, [1], [["lead"]]]
)
def test_an_unknown_or_missing_role_is_no_access(
    roles: Any, as_claims: AsRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "note_sign_in", lambda user: None)
    app = as_claims({**claims_of(), "roles": roles})
    assert "This account has no role here." in app.error[0].value
    assert not app.metric


def test_the_button_ends_the_sign_in_whether_or_not_the_browser_goes_on(
    as_claims: AsRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    for noted in ("note_sign_in", "note_sign_out"):
        monkeypatch.setattr(services, noted, lambda user: None)
    claims = claims_of("lead")
    app = as_claims(claims)
    assert user_of(claims, services.settings()) is not None
    app.button(key="sign-out").click().run()
    assert not app.exception
    assert user_of(claims, services.settings()) is None, "no copy of the cookie holds"


@pytest.mark.parametrize("name", [" ", "a" * 101])
def test_a_view_has_a_short_name(name: str) -> None:
    with pytest.raises(UsageError, match="a view needs a name of up to 100 letters"):
        services.save_view(name, services.CohortFilter(), author="AB")


def test_the_local_user_is_named_on_the_screen(filled_store: Path, open_page: Callable[..., AppTest]) -> None:
    app = open_page(filled_store)
    assert "No sign-in: one local user with every role." in texts(app)
    assert "sign-out" not in {button.key for button in app.button}


def test_without_a_sign_in_an_open_network_is_warned_of(
    filled_store: Path, open_page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSTEO_OPEN_TO_NETWORK", "true")
    assert "Anybody on the network can use this" in texts(open_page(filled_store))


def test_a_lead_may_look_at_a_read_but_not_correct_or_sign(as_claims: AsRole, monkeypatch: pytest.MonkeyPatch) -> None:
    for role, may_sign in (("lead", False), ("reader", True)):
        user = user_of(claims_of(role), services.settings())
        assert user is not None
        for action in (Action.CORRECT, Action.SIGN, Action.ADJUDICATE):
            assert users.may(user, action) is may_sign


def test_a_function_of_services_refuses_whoever_may_not(with_sign_in: Callable[..., Any]) -> None:
    """Outside a script's session nobody is signed in."""
    for call in (
        lambda: services.reveal("0", author="x", reason="y"),
        lambda: services.start_run(),
        lambda: services.pause_run(),
        lambda: services.resume_run(),
        lambda: services.start_index("/"),
        lambda: services.matching_folders("/"),
        lambda: services.find_patients("1"),
        lambda: services.qct_table(b""),
        lambda: services.save_view("x", None, author="x"),  # type: ignore[arg-type]
        lambda: services.remove_view("x", author="x"),
        lambda: services.plan([], None),  # type: ignore[arg-type]
        lambda: services.undo([], author="x"),
    ):
        with pytest.raises(UsageError, match="not signed in"):
            call()


def test_a_download_that_is_asked_for_after_signing_out_is_refused(
    with_sign_in: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = claims_of("lead", iat=int(time.time()) - 60)
    monkeypatch.setattr(users.st, "user", SimpleNamespace(to_dict=lambda: claims))
    export = later(Action.EXPORT, lambda: b"content")
    assert export() == b"content"
    with pytest.raises(NotAllowedError, match="may not sign a read"):
        later(Action.SIGN, lambda: b"")()
    monkeypatch.setattr(users, "_ended", {users.login_of(claims)})
    with pytest.raises(NotAllowedError, match="not signed in"):
        export()
    monkeypatch.setattr(users, "_ended", set())
    assert export() == b"content"
    monkeypatch.setenv("OSTEO_SESSION_HOURS", "0.01")
    with pytest.raises(NotAllowedError, match="not signed in"):
        export()


@pytest.mark.parametrize(("meaning", "words"), [("boss = reader", "may not export the cohort"), ("x = lead", "none")])
def test_a_download_is_refused_once_the_settings_give_the_person_another_role(
    meaning: str, words: str, with_sign_in: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users.st, "user", SimpleNamespace(to_dict=lambda: claims_of("boss")))
    monkeypatch.setenv("OSTEO_ROLE_VALUES", "boss = lead")
    export = later(Action.EXPORT, lambda: b"content")
    assert export() == b"content"
    monkeypatch.setenv("OSTEO_ROLE_VALUES", meaning)
    with pytest.raises(NotAllowedError, match=words):
        export()


@pytest.mark.parametrize("meaning", ["boss = administrator", "x = lead"])
def test_a_part_of_a_page_is_drawn_for_nobody_whose_role_the_settings_have_changed(
    meaning: str, with_sign_in: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def rerun() -> None:
        raise RuntimeError("the whole page is drawn again")

    monkeypatch.setattr(users, "current_user", lambda: user_of(claims_of("boss"), services.settings()))
    monkeypatch.setattr(sign_in, "current_user", lambda: users.current_user())
    monkeypatch.setattr(services, "note_sign_in", lambda user: None)
    monkeypatch.setattr(sign_in.st, "session_state", {})
    monkeypatch.setattr(sign_in.st, "rerun", rerun)
    monkeypatch.setenv("OSTEO_ROLE_VALUES", "boss = lead")
    drawn: list[str] = []
    part = sign_in.while_signed_in(lambda: drawn.append("worklist"))
    assert sign_in.admit() is not None
    part()
    monkeypatch.setenv("OSTEO_ROLE_VALUES", meaning)
    with pytest.raises(RuntimeError, match="drawn again"):
        part()
    assert drawn == ["worklist"]


def test_the_researcher_sees_the_numbers_of_a_patient_and_no_name_image_or_note(
    as_claims: AsRole, tmp_path: Path, in_store: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "note_sign_in", lambda user: None)
    opened: list[str] = []
    monkeypatch.setattr(services, "note_opened", lambda view, *, reader, **_: opened.append(reader))
    key = next(r.series.series_key for r in build_cohort(60) if r.segmentation is not None)
    app = as_claims(claims_of("researcher"))
    app.query_params["series"] = key
    app.switch_page("pages/patient.py").run()
    assert not app.exception
    assert "Images are not shown to your role." in texts(app)
    assert opened == ["subject-1"]
    labels = {button.label for button in app.button}
    assert not labels & {"Show", "Confirmed", "Not confirmed"}

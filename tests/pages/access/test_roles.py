"""The table of roles names everything that exists and nothing else, and whatever it does not name is closed."""

from __future__ import annotations

import ast
import inspect
import re

import pytest
from starlette.routing import Mount, Route

from pages.ui import services
from pages.ui.access.doors import ACTIVE
from pages.ui.access.roles import ACTIONS, LOCAL, PAGES, ROUTES, Action, Door, Role, User, may, route_rule
from pages.ui.viewer.review_routes import review_routes
from tests.house.sources import ROOT


def user(*roles: Role) -> User:
    return User(subject="s", name="S", roles=frozenset(roles))


def test_every_page_of_the_app_is_in_the_table_and_no_other() -> None:
    scripts = {file.stem for file in (ROOT / "pages").glob("[a-z]*.py")}
    assert {name or "home" for name in PAGES} == scripts


def test_every_action_is_in_the_table_and_is_asked_for_somewhere() -> None:
    assert set(ACTIONS) == set(Action)
    code = "".join(
        file.read_text() for file in [ROOT / "app.py", *(ROOT / "pages").rglob("*.py")] if file.name != "roles.py"
    )
    in_routes = {rule for _, rule in ROUTES}
    assert [a.name for a in Action if a not in in_routes and f"Action.{a.name}" not in code] == []


def test_every_route_of_our_own_has_a_rule_that_is_an_action() -> None:
    routes = [*review_routes(), ACTIVE]
    paths = [route.path for route in routes if isinstance(route, Route | Mount)]
    assert len(paths) >= 5
    assert {path: route_rule(path) for path in paths if not isinstance(route_rule(path), Action)} == {}


def test_every_rule_of_our_own_has_its_route() -> None:
    routes = [*review_routes(), ACTIVE]
    paths = [re.sub(r"/\{[^}]*\}$", "/", route.path) for route in routes if isinstance(route, Route | Mount)]
    ours = [pattern for pattern, _ in ROUTES if pattern.startswith("/api/") and pattern != "/api/"]
    assert [pattern for pattern in ours if not any(path.startswith(pattern.rstrip("/")) for path in paths)] == []


@pytest.mark.parametrize("path", ["/_stcore/agent/mcp", "/_stcore/script-health-check", "/_stcore/new", "/api/new"])
def test_a_route_that_nobody_named_is_closed(path: str) -> None:
    assert route_rule(path) is Door.CLOSED


def test_what_the_table_does_not_name_is_nobodys() -> None:
    assert not may(LOCAL, "no_such_page")
    assert not may(None, Action.USE)
    assert not any(may(user(), what) for what in (*PAGES, *Action))


def test_the_local_user_may_do_everything() -> None:
    assert all(may(LOCAL, what) for what in (*PAGES, *Action))


def test_a_person_of_two_roles_may_what_either_may() -> None:
    both = user(Role.READER, Role.ADMINISTRATOR)
    assert may(both, Action.SIGN)
    assert may(both, Action.INDEX)
    assert not may(both, Action.EXPORT)


def test_whoever_puts_a_line_into_use_may_start_the_analysis_that_follows() -> None:
    assert ACTIONS[Action.CALIBRATE] <= ACTIONS[Action.RUN]


def test_a_researcher_and_an_administrator_see_neither_images_nor_identities() -> None:
    for role in (Role.RESEARCHER, Role.ADMINISTRATOR):
        assert not any(
            may(user(role), what) for what in (Action.SEE_IMAGES, Action.REVEAL, Action.CALL_LIST, "look_up")
        )


def test_every_function_of_services_that_writes_asks_who_may() -> None:
    """Functions behind the pages that record something: each has a check, or is named here with the reason why not."""
    free = {
        "note_opened": "every opening is recorded, whoever opens",
        "note_sign_in": "it is the sign-in",
        "note_sign_out": "everybody may leave",
    }
    writing = re.compile(r"\b(_?record|write_part|start_command)\(")
    found = []
    for name, value in vars(services).items():
        if not inspect.isfunction(value):
            continue
        inner = inspect.unwrap(value)
        body = ast.unparse(ast.parse(inspect.getsource(inner).strip()))
        if writing.search(body.split("\n", 1)[1]) and inner is value and name not in free:
            found.append(name)
    assert found == []


def role_table() -> str:
    """The table in docs/administrator.md."""
    titles = {
        ast.literal_eval(script)[len("pages/") : -len(".py")]: ast.literal_eval(title)
        for script, title in re.findall(r'Screen\(script=("[^"]+"), title=("[^"]+")', (ROOT / "app.py").read_text())
    }
    rows = [(f"page {titles[name or 'home']}", roles) for name, roles in PAGES.items()]
    rows += [(f"may {action}", roles) for action, roles in ACTIONS.items() if action is not Action.USE]
    lines = [
        f"| {words} | " + " | ".join("yes" if role in roles else "" for role in Role) + " |" for words, roles in rows
    ]
    head = ["| | " + " | ".join(Role) + " |", "|---" * (len(Role) + 1) + "|"]
    return "\n".join([*head, *lines]) + "\n"


def test_the_administrators_guide_holds_the_table() -> None:
    text = (ROOT / "docs" / "administrator.md").read_text(encoding="utf-8")
    assert role_table() in text, f"write into docs/administrator.md:\n{role_table()}"

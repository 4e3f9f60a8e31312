"""Every route and page for every role, without a browser: who gets through, and the message to everybody else."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable
from contextlib import ExitStack, suppress

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from pages.ui.access import doors, hosts, sockets, users
from pages.ui.access.doors import Doors
from pages.ui.access.roles import ACTIONS, LOCAL, PAGES, ROUTES, Action, Door, Role
from pages.ui.access.users import login_of
from tests.pages.access.conftest import ORIGIN, claims_of, cookie_of
from tests.pages.conftest import ROOT

HOST = {"host": "bone.example"}
Cookies = Callable[..., dict[str, str]]


async def _behind(request: Request) -> Response:
    answer = PlainTextResponse("behind the door", headers={"etag": "1"})
    if request.headers.get("if-none-match"):
        answer = Response(status_code=304)
    if request.url.path == "/oauth2callback":
        answer.set_cookie("_streamlit_user", "x", httponly=True, samesite="lax", max_age=2_592_000)
        answer.set_cookie("_streamlit_session", "y", httponly=True, samesite="lax")
    return answer


async def _stream(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(socket.headers["host"])
    await socket.close()


async def _held(socket: WebSocket) -> None:
    await socket.accept()
    with suppress(WebSocketDisconnect):
        await socket.receive_text()


@pytest.fixture
def client() -> TestClient:
    """A server on this machine that answers at every address, behind the doors."""
    methods = ["GET", "POST", "PUT", "DELETE"]
    app = Starlette(
        routes=[WebSocketRoute("/_stcore/stream", _stream), Route("/{path:path}", _behind, methods=methods)],
        middleware=[Middleware(Doors)],
    )
    return TestClient(app, base_url="http://localhost:8501", client=("127.0.0.1", 50000))


def test_a_sign_in_that_nobody_uses_ends_and_what_pages_ask_by_themselves_is_no_use(
    client: TestClient, with_sign_in: Cookies, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    claims = claims_of("reader", iat=now - 3600)
    monkeypatch.setattr(users, "_last_use", {})
    client.cookies.update(with_sign_in("reader", iat=now - 3600))

    def ask(path: str, method: str = "GET", *, idle_minutes: float) -> tuple[int, float]:
        """Status, and for how many minutes the sign-in counts as unused afterwards."""
        users._last_use[login_of(claims)] = now - 60 * idle_minutes
        answer = client.request(method, path, headers=HOST)
        return answer.status_code, round((now - users._last_use[login_of(claims)]) / 60)

    for path in ("/api/picture/x", "/_stcore/health", "/media/x", "/patient/_stcore/health", "/static/x"):
        assert ask(path, idle_minutes=29) == (200, 29)
    for path, method in (("/api/active", "POST"), ("/api/review/0123/save", "POST"), ("/worklist", "GET")):
        assert ask(path, method, idle_minutes=29) == (200, 0)
    for path, method in (("/api/active", "POST"), ("/api/picture/x", "GET"), ("/api/review/0123/save", "POST")):
        assert ask(path, method, idle_minutes=30) == (401, 30), "what is over is not taken up again"
    users._last_use.clear()  # as after a restart of the server, when the time of the sign-in counts
    assert client.get("/api/picture/x", headers=HOST).status_code == 401


def path_of(pattern: str) -> str:
    return pattern.replace("{token}", "0123") + ("x" if pattern.endswith("/") else "")


@pytest.mark.parametrize(("pattern", "rule"), ROUTES, ids=[pattern for pattern, _ in ROUTES])
def test_each_route_before_each_role(
    pattern: str, rule: Action | Door, client: TestClient, with_sign_in: Cookies
) -> None:
    if pattern == "/_stcore/stream":
        return  # a WebSocket, below
    path = path_of(pattern)
    without = client.get(path, headers=HOST)
    expected = {Door.OPEN: 200, Door.CLOSED: 403}.get(rule, 401)  # type: ignore[call-overload]
    assert without.status_code == expected
    for role in Role:
        client.cookies = with_sign_in(role)  # type: ignore[assignment]
        answer = client.get(path, headers=HOST)
        is_open = rule is Door.OPEN or (isinstance(rule, Action) and role in ACTIONS[rule])
        assert answer.status_code == (200 if is_open else 403), (pattern, role)
        if not is_open:
            assert "behind" not in answer.text
            assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("page", PAGES)
def test_each_page_before_each_role(page: str, client: TestClient, with_sign_in: Cookies) -> None:
    assert client.get(f"/{page}", headers=HOST).status_code == 200  # it shows the sign-in
    for role in Role:
        client.cookies = with_sign_in(role)  # type: ignore[assignment]
        for path in (f"/{page}", f"/{page}/"):
            answer = client.get(path, headers={**HOST, "if-none-match": "1"})
            assert answer.status_code == (304 if role in PAGES[page] else 403), (page, role)
        if role not in PAGES[page]:
            assert answer.text, "the page itself says why: it must have its body"


def test_what_the_readers_screen_sends_is_refused_in_the_form_that_it_reads(
    client: TestClient, with_sign_in: Cookies
) -> None:
    without = client.post("/api/review/0/save", headers=HOST)
    assert (without.status_code, without.json()["problem"][:14]) == (401, "sign in first:")
    client.cookies = with_sign_in("lead")  # type: ignore[assignment]
    answer = client.post("/api/review/0/sign", headers=HOST)
    assert (answer.status_code, answer.json()) == (403, {"problem": "your role (lead) may not sign a read"})


def test_without_a_sign_in_everything_is_open_on_this_machine_but_what_is_closed(client: TestClient) -> None:
    for pattern, rule in ROUTES:
        if pattern != "/_stcore/stream":
            assert client.get(path_of(pattern)).status_code == (403 if rule is Door.CLOSED else 200), pattern


@pytest.mark.parametrize(
    "cookie",
    [
        cookie_of(claims_of("lead"), secret="f" * 32),
        cookie_of(claims_of("lead", origin="https://other.example")),
        cookie_of(claims_of("lead", is_logged_in=False)),
        cookie_of(claims_of("lead", sub="")),
        cookie_of(claims_of("lead", iat=1)),
        cookie_of(claims_of("lead", iat=10**12)),
        cookie_of(claims_of("lead", iat="now")),
        {users.USER_COOKIE: "chunks-3"},
        {users.USER_COOKIE: "not-a-cookie"},
        {users.USER_COOKIE: ""},
        {users.USER_COOKIE: cookie_of(claims_of("lead"))[users.USER_COOKIE][:-1]},
    ],
)
def test_a_cookie_that_does_not_hold_opens_nothing(
    cookie: dict[str, str], client: TestClient, with_sign_in: Cookies
) -> None:
    client.cookies = cookie  # type: ignore[assignment]
    assert client.get("/api/picture/x", headers=HOST).status_code == 401


def test_signing_out_ends_the_sign_in_for_copies_too(client: TestClient, with_sign_in: Cookies) -> None:
    client.cookies = with_sign_in("lead")  # type: ignore[assignment]
    assert client.get("/api/picture/x", headers=HOST).status_code == 200
    client.get("/auth/logout", headers=HOST)
    assert client.get("/api/picture/x", headers=HOST).status_code == 401
    client.cookies = with_sign_in("lead", nonce="another")  # type: ignore[assignment]
    assert client.get("/api/picture/x", headers=HOST).status_code == 200


def test_signing_out_by_address_alone_is_recorded_once(with_sign_in: Cookies) -> None:
    """After a restart, the record keeps the cookie out; for a person without a sign-in there is nothing to record."""
    ended: list[str] = []
    routes = [Route("/{path:path}", _behind)]
    app = Starlette(routes=routes, middleware=[Middleware(Doors, note_sign_out=lambda user: ended.append(user.login))])
    client = TestClient(app, base_url="http://localhost:8501", client=("127.0.0.1", 50000))
    client.get("/auth/logout", headers=HOST)
    assert ended == []
    claims = claims_of("lead")
    client.cookies = cookie_of(claims)  # type: ignore[assignment]
    for _ in range(2):
        client.get("/auth/logout", headers=HOST)
    assert ended == [login_of(claims)]


def test_the_app_records_who_signs_out() -> None:
    assert "Middleware(Doors, note_sign_out=services.note_sign_out)" in (ROOT / "app.py").read_text(encoding="utf-8")


def test_a_researcher_sees_images_where_the_site_allows_it(
    client: TestClient, with_sign_in: Cookies, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.cookies = with_sign_in("researcher")  # type: ignore[assignment]
    assert client.get("/api/picture/x", headers=HOST).status_code == 403
    monkeypatch.setenv("OSTEO_RESEARCHER_IMAGES", "true")
    assert client.get("/api/picture/x", headers=HOST).status_code == 200
    assert client.post("/api/review/0/sign", headers=HOST).status_code == 403
    client.cookies = with_sign_in("administrator")  # type: ignore[assignment]
    assert client.get("/api/picture/x", headers=HOST).status_code == 403


@pytest.mark.parametrize(
    ("host", "origin", "passes"),
    [
        ("localhost:8501", None, True),
        ("127.0.0.1:8501", "http://127.0.0.1:8501", True),
        ("[::1]:8501", "http://[::1]:8501", True),
        ("localhost:8501", "http://localhost:8501", True),
        ("localhost:8501", "http://localhost:8502", False),
        ("localhost:8501", "http://127.0.0.1:8501", False),
        ("localhost:8501", "http://localhost:8501.evil.example", False),
        ("localhost:8501", "https://evil.example", False),
        ("localhost:8501", "null", False),
        ("localhost:8501", "", False),
        ("evil.example", None, False),
        ("evil.example:8501", "http://evil.example:8501", False),
        ("localhost@evil.example", None, False),
        ("localhost.evil.example", None, False),
        ("[", None, False),
    ],
)
def test_without_a_sign_in_only_this_machine_under_its_own_name(
    host: str, origin: str | None, passes: bool, client: TestClient
) -> None:
    headers = {"host": host} | ({} if origin is None else {"origin": origin})
    assert client.get("/", headers=headers).status_code == (200 if passes else 403)
    assert client.post("/api/review/0/save", headers=headers).status_code == (200 if passes else 403)
    assert opens(client, headers) is passes


@pytest.mark.parametrize(
    ("host", "origin", "passes"),
    [
        ("bone.example", ORIGIN, True),
        ("127.0.0.1:8501", ORIGIN, True),  # a proxy that addresses the server by its own address
        ("bone.example", "http://bone.example", False),
        ("bone.example", "https://bone.example:444", False),
        ("bone.example", "https://bone.example.evil.example", False),
        ("bone.example", "http://localhost:8501", False),
        ("bone.example", "null", False),
        ("other.example", ORIGIN, False),
    ],
)
def test_with_a_sign_in_its_own_origin_exactly(
    host: str, origin: str, passes: bool, client: TestClient, with_sign_in: Cookies
) -> None:
    headers = {"host": host, "origin": origin}
    client.cookies = with_sign_in("reader")  # type: ignore[assignment]
    assert client.post("/api/review/0/save", headers=headers).status_code == (200 if passes else 403)
    assert opens(client, headers) is passes


def opens(client: TestClient, headers: dict[str, str]) -> bool:
    """Whether a WebSocket opens; Streamlit must see the host of its origin, so that it sends no request elsewhere."""
    try:
        with client.websocket_connect("/_stcore/stream", headers=headers) as socket:
            host = socket.receive_text()
    except WebSocketDisconnect:
        return False
    assert host == headers.get("origin", "//" + headers["host"]).split("//")[1]
    return True


def test_who_is_not_signed_in_holds_so_many_sockets_from_one_address_and_in_all(
    with_sign_in: Cookies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "_EACH", 2)
    monkeypatch.setattr(sockets, "_ALL", 3)
    app = Starlette(routes=[WebSocketRoute("/_stcore/stream", _held)], middleware=[Middleware(Doors)])

    def held(stack: ExitStack, address: str, cookies: dict[str, str] | None = None) -> bool:
        """Whether a socket opens from there; it stays open. The only refusal is for too many sockets."""
        far = TestClient(app, base_url="http://localhost:8501", client=(address, 50000), cookies=cookies)
        try:
            stack.enter_context(far.websocket_connect("/_stcore/stream", headers=HOST))
        except WebSocketDisconnect as refused:
            return "too many windows are open here without a sign-in" not in refused.reason
        return True

    with ExitStack() as stack:
        assert [held(stack, "10.0.0.7") for _ in range(3)] == [True, True, False]
        assert [held(stack, "10.0.0.8") for _ in range(2)] == [True, False]
        assert [held(stack, "10.0.0.7", with_sign_in("lead")) for _ in range(5)] == [True] * 5
        assert not held(stack, "10.0.0.7", with_sign_in("gardener")), "an account without a role here"
        assert not held(stack, "10.0.0.9", cookie_of(claims_of("lead", iat=1)))
    with (
        ExitStack() as stack
    ):  # closed sockets do not count; behind a proxy that names no client, all share one address
        assert [held(stack, "127.0.0.1") for _ in range(4)] == [True, True, True, False]


async def _length(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(str(len(await socket.receive_bytes())))


def test_who_is_not_signed_in_sends_short_messages_only(with_sign_in: Cookies) -> None:
    """19 MB of field values took 1 GB of memory before anybody had signed in."""
    app = Starlette(routes=[WebSocketRoute("/_stcore/stream", _length)], middleware=[Middleware(Doors)])

    def sent(message: bytes, cookies: dict[str, str] | None = None) -> str:
        far = TestClient(app, base_url="http://localhost:8501", client=("10.0.0.7", 50000), cookies=cookies)
        with far.websocket_connect("/_stcore/stream", headers=HOST) as socket:
            socket.send_bytes(message)
            return socket.receive_text()

    assert sent(b"a" * 2**16) == str(2**16)
    with pytest.raises(WebSocketDisconnect) as closed:
        sent(b"a" * (2**16 + 1))
    assert closed.value.code == 1009
    assert sent(b"a" * (2**16 + 1), with_sign_in("lead")) == str(2**16 + 1)
    with pytest.raises(WebSocketDisconnect):
        sent(b"a" * (2**16 + 1), with_sign_in("gardener"))


def test_what_a_browser_sends_at_once_is_bounded_with_a_sign_in_too() -> None:
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["server"]["maxWidgetStateSize"] == 1


def test_the_local_user_has_many_windows_and_not_any_number() -> None:
    counted = sockets.Sockets()
    with ExitStack() as stack:
        refused = [bool(stack.enter_context(counted.opened(LOCAL, "127.0.0.1"))) for _ in range(501)]
    assert refused == [False] * 500 + [True]
    assert not counted._open


def test_two_origins_or_two_hosts_are_none(client: TestClient) -> None:
    twice = [("host", "localhost:8501"), ("origin", "http://localhost:8501"), ("origin", "http://localhost:8501")]
    assert client.post("/api/review/0/save", headers=twice).status_code == 403


def test_another_machine_is_kept_out_without_a_sign_in(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    far = TestClient(client.app, base_url="http://localhost:8501", client=("10.0.0.7", 50000))
    assert far.get("/").status_code == 403
    monkeypatch.setenv("OSTEO_OPEN_TO_NETWORK", "true")
    assert far.get("/").status_code == 200


@pytest.mark.parametrize(
    ("host", "passes"),
    [
        ("192.168.1.5:8501", True),
        ("[fd00::5]:8501", True),
        ("localhost:8501", True),
        ("ct-room:8501", True),
        ("CT-Room.:8501", True),
        ("ct-room.local:8501", True),
        ("ct-room.hospital.example", True),
        ("bone.example", True),
        ("bones.example:8501", True),
        ("evil.example:8501", False),
        ("ct-room.evil.example:8501", False),
        ("192.168.1.5.evil.example:8501", False),
        ("bone.example.evil.example", False),
        ("192.168.1.5@evil.example", False),
        ("", False),
        ("[", False),
    ],
)
def test_open_to_the_network_it_answers_under_its_own_names_and_no_foreign_one(
    host: str, passes: bool, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name pointed at this server later (DNS rebinding) is both the host and the origin of that page's requests."""
    monkeypatch.setenv("OSTEO_OPEN_TO_NETWORK", "true")
    monkeypatch.setenv("OSTEO_HOST_NAMES", "bone.example, Bones.example")
    monkeypatch.setattr(hosts.socket, "gethostname", lambda: "CT-Room")
    monkeypatch.setattr(hosts.socket, "getfqdn", lambda: "ct-room.hospital.example")
    hosts.own_names.cache_clear()
    far = TestClient(client.app, base_url="http://localhost:8501", client=("10.0.0.7", 50000))
    answer = far.get("/", headers={"host": host})
    assert answer.status_code == (200 if passes else 403)
    assert passes or "its IP address, or a name in the setting host_names" in answer.text
    assert opens(far, {"host": host, "origin": f"http://{host}"}) is passes
    assert far.get("/", headers={"host": host, "origin": "https://evil.example"}).status_code == 403
    hosts.own_names.cache_clear()


def test_the_cookie_of_the_user_is_strict_secure_and_short(client: TestClient, with_sign_in: Cookies) -> None:
    user, session = client.get("/oauth2callback", headers=HOST).headers.get_list("set-cookie")
    assert {"SameSite=strict", "HttpOnly", "Secure", "Max-Age=43200"} <= {part.strip() for part in user.split(";")}
    assert "SameSite=lax" in session, "the identity provider leads back here from its own site"
    assert "Secure" in session


def test_a_refusal_names_no_path_in_the_log(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    client.get("/api/picture/0123abcd_ct.nii.gz", headers={"host": "evil.example"})
    logged = [one.getMessage() for one in caplog.records if one.name.startswith("osteo")]
    assert "evil.example" in " ".join(logged)
    assert "0123abcd" not in " ".join(logged)


def test_the_doors_ask_the_same_sign_in_as_the_pages() -> None:
    assert doors.read_sign_in is users.read_sign_in

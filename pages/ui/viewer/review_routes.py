"""Addresses of the reader's screen: its scripts, its pictures, and where it sends outlines, decisions and signatures.

/api/reader/NAME.js      the screen's own scripts, named by their hash
/api/picture/NAME        CT, mask, regions, surfaces or lines of the store's folder ``pictures``; signed (signing.py)
                         for one person; 202 while it is being made
/api/review/TOKEN/save   POST: outlines as gzipped NIfTI -> numbers before and after
/api/review/TOKEN/measure, /sign   POST: decisions as JSON -> numbers; a signed read

TOKEN stands for a reader viewing a series in this process, so that no name is in an address; it is signed too. A
refusal is one sentence with status 4xx, and nothing is stored.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from osteo_core.errors import OsteoError, UsageError
from osteo_core.review.decisions import Decisions
from osteo_core.review.reads import Role, Verdict
from pages.ui.access.roles import Action, User
from pages.ui.access.users import check, current_user, user_of_cookies
from pages.ui.services import review, review_case, review_files
from pages.ui.shared.first_paint import piece_addresses
from pages.ui.viewer import signing

SCRIPTS = Path(__file__).parent / "reader"
_PICTURE_NAME = re.compile(r"[0-9a-z]+_[0-9a-z]+_((ct|mask|roi|tissue)\.nii\.gz|mesh\.bin|lines\.json)")
#: A browser would keep a patient's CT on the disk of its machine, and show it after the sign-out.
_PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
#: A compressed mask of the largest displayed volume is far smaller; anything larger is not a mask.
_MOST_BYTES = 32_000_000
#: Decisions are a few words for each level.
_MOST_DECISIONS = 2**16
#: Streamlit's chunks of the patient's page, by the beginning of their file name.
_PIECES = ("DataFrame", "Quiver", "arrowFormatUtils")
_EXPIRED = "the links of this page have expired; it requests new ones by itself, try again"
_ANOTHER = "this page was opened under another sign-in; reload it"


class _Picture(FileResponse):
    """A file sent in few chunks: for each chunk the server's loop may have to wait for scripts of other sessions."""

    chunk_size = 4 * 2**20


@functools.cache
def _scripts_hash() -> str:
    digest = hashlib.sha256()
    for script in sorted(SCRIPTS.glob("*.js")):
        digest.update(script.read_bytes())
    return digest.hexdigest()[:12]


def script_address(name: str) -> str:
    """Address of one of the screen's scripts; they import one another from the same folder."""
    return f"/api/reader/{_scripts_hash()}/{name}"


def scripts_ahead() -> list[str]:
    """Scripts that a patient's page needs beyond those of other pages: a patient list prefetches them when idle."""
    own = [script_address(script.name) for script in sorted(SCRIPTS.glob("*.js"))]
    return [*own, *piece_addresses(_PIECES)]


def picture_address(file: Path) -> str:
    """An address for one file of the folder ``pictures``, signed for the current user."""
    return signing.sign(f"/api/picture/{file.name}", subject=_subject(current_user()))


def review_address(token: str, what: str) -> str:
    """An address to which the screen sends, signed for the current user; ``what``: save, measure or sign."""
    return signing.sign(f"/api/review/{token}/{what}", subject=_subject(current_user()))


def _subject(user: User | None) -> str:
    """The user an address is for; '' without a configured sign-in, or if nobody is signed in."""
    return user.subject if user else ""


def review_routes() -> Sequence[BaseRoute]:
    """The routes for st.App."""
    return [
        Route("/api/reader/{version}/{name}", _script),
        Route("/api/picture/{name}", _picture),
        Route("/api/review/{token}/save", _save, methods=["POST"]),
        Route("/api/review/{token}/measure", _measure, methods=["POST"]),
        Route("/api/review/{token}/sign", _sign, methods=["POST"]),
    ]


async def _script(request: Request) -> Response:
    file = SCRIPTS / request.path_params["name"]
    if file.parent != SCRIPTS or file.suffix != ".js" or not file.is_file():
        return PlainTextResponse("no such script", status_code=404)
    is_current = request.path_params["version"] == _scripts_hash()
    headers = _FOREVER if is_current else {"Cache-Control": "no-store"}
    return FileResponse(file, media_type="text/javascript", headers=headers)


def _is_signed(request: Request, user: User | None) -> bool:
    query = request.query_params
    expiry, signature = query.get("exp", ""), query.get("sig", "")
    return signing.is_valid(request.url.path, subject=_subject(user), expiry=expiry, signature=signature)


async def _picture(request: Request) -> Response:
    name = request.path_params["name"]
    if not _is_signed(request, user_of_cookies(request.cookies)):
        return PlainTextResponse(_EXPIRED, status_code=403)
    file = review_case.pictures_dir() / name
    is_being_made = review_files.is_being_made(name)  # asked first: a process that ends now has written the file
    # No link: another account that may write to the store could let it lead to a file of ours, such as the sign-in's
    # secrets.
    if not _PICTURE_NAME.fullmatch(name) or file.is_symlink() or not (file.is_file() or is_being_made):
        return PlainTextResponse("this picture is no longer there; reload the page", status_code=404)
    if not file.is_file():
        return PlainTextResponse("being made", status_code=202, headers={"Cache-Control": "no-store"})
    # The browser itself unpacks what is packed, faster than a script could.
    headers = {**_PRIVATE, "Content-Encoding": "gzip"} if file.suffix == ".gz" else _PRIVATE
    return _Picture(file, media_type="application/octet-stream", headers=headers)


async def _body(request: Request) -> bytes:
    """The request body, limited to the largest possible mask. Raises UsageError beyond."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > _MOST_BYTES:
            raise UsageError(f"more than {_MOST_BYTES // 1_000_000} MB were sent, too much for a mask of this CT")
        parts.append(part)
    return b"".join(parts)


async def _answered(request: Request, answer: Callable[[User, str, bytes], dict[str, Any]]) -> Response:
    """The result of ``answer`` for this token and body, in a thread outside the server's loop; a refusal as a
    sentence.
    """
    user = user_of_cookies(request.cookies)
    if user is None or user.subject not in ("", review.ticket_reader(request.path_params["token"])):
        return JSONResponse({"problem": _ANOTHER}, status_code=403)
    if not _is_signed(request, user):
        return JSONResponse({"problem": _EXPIRED}, status_code=403)
    try:
        body = await _body(request)
        found = await run_in_threadpool(answer, user, request.path_params["token"], body)
    except OsteoError as refused:
        return JSONResponse({"problem": str(refused)}, status_code=409)
    return JSONResponse(found)


async def _save(request: Request) -> Response:
    return await _answered(request, _saved)


async def _measure(request: Request) -> Response:
    return await _answered(request, _measured)


async def _sign(request: Request) -> Response:
    return await _answered(request, _signed)


def _saved(user: User, token: str, body: bytes) -> dict[str, Any]:
    saved = review.save_mask(token, body)
    return {
        "version": saved.version,
        "before": saved.before.to_dict(),
        "after": saved.after.to_dict(),
    }


def _measured(user: User, token: str, body: bytes) -> dict[str, Any]:
    given = _object(body)
    ticket = review.ticket_of(token)
    summary = review_case.measured(ticket.view, str(given.get("version", "")), Decisions.from_dict(given))
    return {"after": summary.to_dict()}


def _signed(user: User, token: str, body: bytes) -> dict[str, Any]:
    given = _object(body)
    ticket = review.ticket_of(token)
    try:
        verdict, role = Verdict(str(given.get("verdict"))), Role(str(given.get("role")))
    except ValueError as error:
        raise UsageError(f"the signature cannot be read: {error}") from None
    if role is Role.ADJUDICATOR:
        check(user, Action.ADJUDICATE)
    signature = review.Signature(
        verdict=verdict,
        role=role,
        version=str(given.get("version", "")),
        reader=ticket.reader,
        decisions=Decisions.from_dict(given.get("decisions") or {}),
        words=str(given.get("words", ""))[:4000],
        seen={str(name): str(event_id) for name, event_id in _part(given, "seen").items()},
    )
    read = review.sign(ticket.view, signature)
    return {
        "summary": read.summary.to_dict(),
        "verdict": read.verdict.value,
        "at": read.at.isoformat(),
        "event": read.event_id,
    }


def _part(given: dict[str, Any], name: str) -> dict[str, Any]:
    part = given.get(name)
    return part if isinstance(part, dict) else {}


def _object(body: bytes) -> dict[str, Any]:
    if len(body) > _MOST_DECISIONS:
        raise UsageError(f"decisions may have {_MOST_DECISIONS // 1024} KiB at most; shorten the reasons")
    try:
        given = json.loads(body)
        json.dumps(given, ensure_ascii=False).encode()  # half of a pair of surrogates is no text
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise UsageError("expected a JSON object; reload the page")
    return given

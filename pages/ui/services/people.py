"""Events of sign-in and sign-out, and the display names for the subjects stored in events."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from osteo_core.errors import OsteoError
from osteo_core.events import new_event
from pages.ui.access.roles import User
from pages.ui.access.users import end_logins
from pages.ui.services.running_app import lifespan as store_lifespan
from pages.ui.services.running_app import moment, query, store_holder

_SIGNED_IN, _SIGNED_OUT = "signed in", "signed out"
_log = logging.getLogger("osteo.app")
#: Cyrillic and Greek letters, and digits, that look like Latin ones; i, l and 1 look alike in many fonts.
_TWINS = str.maketrans("АВЕКМНОРСТУХІЈЅаеорсухіјѕԁһΑΒΕΖΗΙΚΜΝΟΡΤΥΧοναı", "ABEKMHOPCTYXIJSaeopcyxijsdhABEZHIKMNOPTYXovai")
_STROKES = str.maketrans("il1ӏ0", "llllo")
#: Sign-ins that this process recorded; one that was recorded before a restart is the same event and counts once.
_recorded: set[str] = set()


def note_sign_in(user: User) -> None:
    """Record the sign-in, once for all its windows; a store that cannot record it does not block the user."""
    if user.is_local or user.login in _recorded:
        return
    try:
        _record(user, _SIGNED_IN, event_id=user.login, payload={"name": user.name, "roles": sorted(user.roles)})
    except (OsteoError, OSError) as error:
        _log.error("a sign-in could not be recorded: %s", error)
        return
    _recorded.add(user.login)


def note_sign_out(user: User) -> None:
    """Record that this sign-in was ended."""
    try:
        _record(user, _SIGNED_OUT, event_id=f"{user.login}-out", payload={"login": user.login})
    except (OsteoError, OSError) as error:
        _log.error("a sign-out could not be recorded: %s", error)


@asynccontextmanager
async def lifespan(app: object) -> AsyncIterator[None]:
    """Open the store while the server runs, and refuse sign-ins that were ended before it started."""
    async with store_lifespan(app):
        try:
            end_logins(row["login"] for row in query("ended_logins").to_pylist())
        except (OsteoError, OSError) as error:
            _log.error("the sign-outs of the last day could not be read: %s", error)
        yield


def name_of(author: str) -> str:
    """The display name of an author: the latest name of a signed-in subject, else the typed name.

    Where another subject's name looks the same, with the subject: anybody may have the name of a colleague, or give
    themselves one at the identity provider.
    """
    names = {row["author"]: row["name"] for row in query("user_names").to_pylist()}
    name = names.get(author)
    if not name:
        return author
    alike = any(_look(other) == _look(name) for subject, other in names.items() if subject != author and other)
    return f"{name} ({author})" if alike else str(name)


def _look(name: str) -> str:
    """What a reader sees of a name: without case, accents, spaces and signs, Cyrillic and Greek twins as Latin."""
    parts = unicodedata.normalize("NFKD", name).translate(_TWINS).casefold().translate(_STROKES)
    return "".join(sign for sign in parts if sign.isalnum())


def _record(user: User, kind: str, *, event_id: str, payload: dict[str, object]) -> None:
    store_holder().record(new_event(kind, author=user.subject, at=moment(), payload=payload, event_id=event_id))

"""Which role may do what: the one table behind menu, pages, actions and HTTP routes.

A page is named by its path ('worklist'), '' being Home. Anything not in a table is closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from osteo_core.errors import UsageError


class Role(StrEnum):
    """Roles of users; a person may have several."""

    LEAD = "lead"
    READER = "reader"
    RESEARCHER = "researcher"
    ADMINISTRATOR = "administrator"


class Action(StrEnum):
    """Actions beyond opening a page; the words complete 'may ...'."""

    USE = "use the dashboard"
    SEE_IMAGES = "see images"
    REVEAL = "see who a patient is"
    CALL_LIST = "take the call list"
    NOTE = "note anything about a patient"
    CORRECT = "correct outlines"
    SIGN = "sign a read"
    ADJUDICATE = "adjudicate between readers"
    IMPORT_QCT = "import or withdraw QCT values"
    CALIBRATE = "put a calibration line into use or withdraw it"
    SAVE_VIEW = "save a view"
    EXPORT = "export the cohort"
    INDEX = "index a folder"
    UPLOAD = "upload a file"
    RUN = "start or pause an analysis"
    METRICS = "see the server's metrics"


_LEAD, _READER, _RESEARCHER, _ADMINISTRATOR = Role
ALL_ROLES = frozenset(Role)

PAGES: dict[str, frozenset[Role]] = {
    "": ALL_ROLES,
    "worklist": frozenset({_LEAD, _READER}),
    "patient": frozenset({_LEAD, _READER, _RESEARCHER}),
    "look_up": frozenset({_LEAD, _READER}),
    "follow_up": frozenset({_LEAD, _READER}),
    "prevalence": frozenset({_LEAD, _RESEARCHER}),
    "agreement": frozenset({_LEAD, _READER, _RESEARCHER}),
    "drift": frozenset({_LEAD, _RESEARCHER, _ADMINISTRATOR}),
    "equity": frozenset({_LEAD, _RESEARCHER}),
    "exclusions": ALL_ROLES,
    "table": frozenset({_LEAD, _RESEARCHER}),
    "export": frozenset({_LEAD, _RESEARCHER}),
    "replication": ALL_ROLES,
    "about": ALL_ROLES,
}

ACTIONS: dict[Action, frozenset[Role]] = {
    Action.USE: ALL_ROLES,
    Action.SEE_IMAGES: frozenset({_LEAD, _READER}),
    Action.REVEAL: frozenset({_LEAD, _READER}),
    Action.CALL_LIST: frozenset({_LEAD}),
    Action.NOTE: frozenset({_LEAD, _READER}),
    Action.CORRECT: frozenset({_READER}),
    Action.SIGN: frozenset({_READER}),
    Action.ADJUDICATE: frozenset({_READER}),
    Action.IMPORT_QCT: frozenset({_LEAD}),
    Action.CALIBRATE: frozenset({_LEAD}),
    Action.SAVE_VIEW: frozenset({_LEAD, _READER, _RESEARCHER}),
    Action.EXPORT: frozenset({_LEAD, _RESEARCHER}),
    Action.INDEX: frozenset({_ADMINISTRATOR}),
    Action.UPLOAD: frozenset({_LEAD, _ADMINISTRATOR}),  # a table of QCT values, or a .zip of CT
    Action.RUN: frozenset({_LEAD, _ADMINISTRATOR}),
    Action.METRICS: frozenset({_ADMINISTRATOR}),
}


class Door(StrEnum):
    """A route that requires no role: open to everybody, or closed to everybody."""

    OPEN = "open"
    CLOSED = "closed"


#: Beginnings of paths, the first that fits decides; every other path is a page of the app. Open is what shows the
#: sign-in page and asks the identity provider, none of it with patient data.
ROUTES: tuple[tuple[str, Action | Door], ...] = (
    ("/_stcore/health", Door.OPEN),
    ("/_stcore/host-config", Door.OPEN),
    ("/_stcore/bidi-components/", Door.OPEN),
    ("/_stcore/stream", Door.OPEN),  # the script behind it asks who it is before it shows anything
    ("/_stcore/upload_file/", Action.UPLOAD),
    ("/_stcore/metrics", Action.METRICS),
    ("/_stcore/", Door.CLOSED),
    ("/auth/", Door.OPEN),
    ("/oauth2callback", Door.OPEN),
    ("/static/", Door.OPEN),
    ("/component/", Door.OPEN),
    ("/media/", Action.USE),
    ("/api/active", Action.USE),
    ("/api/reader/", Action.SEE_IMAGES),
    ("/api/picture/", Action.SEE_IMAGES),
    ("/api/review/{token}/save", Action.CORRECT),
    ("/api/review/{token}/measure", Action.SEE_IMAGES),
    ("/api/review/{token}/sign", Action.SIGN),
    ("/api/", Door.CLOSED),
)


class NotAllowedError(UsageError):
    """The role does not allow this; the message says so."""


@dataclass(frozen=True, kw_only=True)
class User:
    """A user of the dashboard. ``subject``: the stable identifier from the identity provider, '' for the local user.

    ``name``: for display. ``login``: identifies one sign-in. ``more``: actions beyond the roles, granted by a setting.
    """

    subject: str
    name: str
    roles: frozenset[Role]
    login: str = ""
    more: frozenset[Action] = frozenset()

    @property
    def is_local(self) -> bool:
        """Whether no sign-in is configured: then there is one user, who types a name if one is recorded."""
        return not self.subject

    @property
    def role_words(self) -> str:
        """'lead, reader'."""
        return ", ".join(role for role in Role if role in self.roles)


LOCAL = User(subject="", name="", roles=ALL_ROLES)


def may(user: User | None, what: Action | str) -> bool:
    """Whether this user may take that action or open that page; anything not in a table is refused."""
    if user is None:
        return False
    allowed = ACTIONS.get(what, frozenset()) if isinstance(what, Action) else PAGES.get(what, frozenset())
    return bool(user.roles & allowed) or what in user.more


def route_rule(path: str) -> Action | Door | None:
    """What a path requires; None for a page of the app, which the path names."""
    for pattern, rule in ROUTES:
        before, _, after = pattern.partition("{token}")
        if path.startswith(before) and path.endswith(after):
            return rule
    return None

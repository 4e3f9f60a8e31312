"""The follow-up state of a listed series, as far as the user may know it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from osteo_core.errors import UsageError
from osteo_core.programme.follow_up import after
from pages.ui import services
from pages.ui.shared import wording


def state_of(item: services.WorkItem, now: datetime) -> dict[str, Any]:
    """The follow-up state and what may follow; neutral for a blind reader of the series."""
    if item.is_hidden:
        return {"state": "", "state_words": wording.HIDDEN_STATE, "due": "", "is_overdue": False, "next": []}
    return {
        "state": item.state.value if item.state else "",
        "state_words": item.state.value if item.state else "not followed up",
        "due": wording.due(item.due_at, now) if item.due_at else "",
        "is_overdue": item.due_at is not None and item.due_at < now,
        "next": [state.value for state in after(item.followed.state)],
    }


def check_seen(items: Iterable[services.WorkItem]) -> None:
    """Raises UsageError if the state of one is hidden: refusing a step would reveal it."""
    if any(item.is_hidden for item in items):
        raise UsageError("the follow-up is hidden while you read blind; sign your read before you note a step")

"""Named views of the cohort: a filter as a query string under a name, kept as events like everything people do."""

from __future__ import annotations

from osteo_core.errors import UsageError
from osteo_core.events import new_event
from osteo_core.programme.cohort import CohortFilter
from pages.ui.access.roles import Action
from pages.ui.access.users import needs
from pages.ui.services.running_app import moment, query, store_holder

_KIND = "saved view"
_MOST_LETTERS = 100


def saved_views() -> dict[str, str]:
    """Every view by its name, as its query string: a view of an earlier program may no longer be readable."""
    return {row["name"]: row["query"] for row in query("saved_views").to_pylist()}


@needs(Action.SAVE_VIEW)
def save_view(name: str, cohort: CohortFilter, *, author: str) -> None:
    """Save the filter under a name; the same name again replaces it. Raises UsageError for no or too long a name."""
    if not 0 < len(name.strip()) <= _MOST_LETTERS:
        raise UsageError(f"a view needs a name of up to {_MOST_LETTERS} letters")
    _record({"name": name.strip(), "query": cohort.to_query()}, author)


@needs(Action.SAVE_VIEW)
def remove_view(name: str, *, author: str) -> None:
    """Remove a view; its history stays on record."""
    _record({"name": name, "query": None}, author)


def _record(payload: dict[str, str | None], author: str) -> None:
    event = new_event(_KIND, author=author.strip() or "not named", at=moment(), payload=payload)
    store_holder().record(event)

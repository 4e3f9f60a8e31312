"""The order of the worklist, kept in the session until the list is left or explicitly refreshed.

Patients with a new note stay in place, so that nobody is skipped because the list re-sorted itself.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

import streamlit as st

from osteo_core.programme.cohort import CohortFilter
from pages.ui import services
from pages.ui.access.users import seen_by
from pages.ui.shared.visit import CAME_FROM, VISIT

#: Patients a page.
ROWS = 25
#: Maximum number of series sorted; the rest is reached by another order or a narrower filter.
MOST_LISTED = 10_000
_KEPT = "worklist-order"


@dataclass(kw_only=True)
class WorkOrder:
    """A sorted list, and this session's position in it.

    ``total``: series in the filter when the order was made. ``selected``: the selected patient, by series key;
    ``noted``: series noted since. ``last``: the notes that an undo would revert, the latest request last. ``answered``:
    the number of the latest answered request. ``visit``: the visit to the page it belongs to. ``go``: the address that
    the latest request leads to. ``seen_by``: the reader it was made for. ``refused_author``: who asked for what
    ``message`` refuses ('' without a name).
    """

    cohort: CohortFilter
    sort: services.Sort
    is_descending: bool
    keys: tuple[str, ...]
    total: int
    list_id: str
    visit: int
    seen_by: str | None
    selected: str | None = None
    noted: set[str] = field(default_factory=set)
    last: list[tuple[services.MadeNote, ...]] = field(default_factory=list)
    answered: int = 0
    message: dict[str, object] | None = None
    refused_author: str | None = None
    go: str = ""

    @property
    def pages(self) -> int:
        """How many pages the list has, at least one."""
        return max(1, -(-len(self.keys) // ROWS))

    def keys_of(self, page: int) -> tuple[str, ...]:
        """The series of one page, counted from 1."""
        return self.keys[ROWS * (page - 1) : ROWS * page]


def work_order(cohort: CohortFilter, *, sort: services.Sort, is_descending: bool) -> WorkOrder:
    """The kept order if filter and sorting are the same and the list was not left, else a new one."""
    kept: WorkOrder | None = st.session_state.get(_KEPT)
    asked, reader = (cohort, sort, is_descending), seen_by()
    visit = st.session_state[VISIT]
    # Looking at one of its patients is part of working through a list.
    is_left = kept is not None and kept.visit != visit and st.session_state[CAME_FROM] != "patient"
    # A list that shows nothing hidden stays in order when its reader says who they are; another reader's is made anew.
    is_theirs = kept is not None and kept.seen_by in ("", reader)
    if kept is not None and is_theirs and not is_left and (kept.cohort, kept.sort, kept.is_descending) == asked:
        kept.visit, kept.seen_by = visit, reader
        return kept
    return _make(cohort, sort, is_descending, kept)


def kept_order() -> WorkOrder:
    """The list that this session works through, in its order.

    The default list if none was opened: after a reload, or from an address.
    """
    kept: WorkOrder | None = st.session_state.get(_KEPT)
    return kept or _make(CohortFilter(snoozed=False), services.Sort.URGENCY, False, None)


def is_kept(cohort: CohortFilter) -> bool:
    """Whether a list of this filter is being worked through, even if nothing matches the filter now."""
    kept: WorkOrder | None = st.session_state.get(_KEPT)
    return kept is not None and kept.cohort == cohort


def refresh() -> None:
    """Sort the list again at the next run."""
    kept: WorkOrder | None = st.session_state.pop(_KEPT, None)
    if kept is not None:
        _make(kept.cohort, kept.sort, kept.is_descending, kept)


def _make(cohort: CohortFilter, sort: services.Sort, is_descending: bool, before: WorkOrder | None) -> WorkOrder:
    reader = seen_by()
    keys = services.worklist_order(cohort, sort=sort, is_descending=is_descending, limit=MOST_LISTED, seen_by=reader)
    made = WorkOrder(
        cohort=cohort,
        sort=sort,
        is_descending=is_descending,
        keys=keys,
        total=services.worklist_count(cohort, seen_by=reader),
        seen_by=reader,
        list_id=uuid.uuid4().hex,  # also unlike those of an app that was started anew under an open page
        visit=st.session_state[VISIT],
        answered=before.answered if before else 0,
    )
    st.session_state[_KEPT] = made
    return made

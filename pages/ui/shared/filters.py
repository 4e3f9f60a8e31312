"""The cohort filter as one row of widgets; the choice is kept in the address and carried from page to page.

Names in the address are those of ``CohortFilter.to_query``, so that a link made elsewhere opens the same cohort.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import parse_qs

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from osteo_core.programme.cohort import CohortFilter
from osteo_core.programme.follow_up import State
from osteo_core.terms import Category, Sex, Vendor
from pages.ui import services
from pages.ui.shared import frame, saved_views

#: Names in the address, and of the widgets: on every page of the cohort, and on the worklist beside them.
SHARED = ("vendor", "sex", "age_from", "age_to", "scanner", "site", "studied_from", "studied_to")
OWN = ("category", "flagged", "review", "state", "overdue")
_OLDEST = 130
_KEPT = "cohort_filter_kept"


def carry_over(keys: tuple[str, ...]) -> None:
    """What was chosen on another page, or here before, is chosen again, unless the address says otherwise."""
    if not st.session_state[frame.IS_NEW_PAGE]:
        return
    # Opening a patient wrote that name into this page's address too, over the filter: it is met on the way back.
    is_way_back = st.query_params.pop("series", None) is not None
    if not any(key in st.query_params for key in keys):
        kept = st.session_state.get(_KEPT, {})
        for key in keys:
            if kept.get(key):
                st.session_state[key] = kept[key]
                st.query_params[key] = kept[key] if isinstance(kept[key], list) else str(kept[key]).lower()
        if is_way_back and any(kept.get(key) for key in keys):
            st.rerun()  # after a step in the browser's history widgets believe the address they were asked with


def keep(keys: tuple[str, ...]) -> None:
    """Remember what is chosen for ``carry_over``."""
    kept = st.session_state.setdefault(_KEPT, {})
    kept.update({key: st.session_state[key] for key in keys if key in st.session_state})


def cohort_filter(*, with_category: bool = True, also: tuple[str, ...] = ()) -> CohortFilter:
    """Draw the row and give what is chosen; nothing chosen means everybody. ``also``: other names to carry along."""
    keys = (*SHARED, *OWN, *also) if with_category else (*SHARED, *also)
    carry_over(keys)
    weights = [1.8, 1.3, 1.15, 1.15, 1.8, 1.75, 0.9] if with_category else [2, 1.4, 1.3, 1.3, 1]
    columns = st.columns(weights, vertical_alignment="bottom")
    vendors = columns[0].multiselect(
        "Vendor", [v.value for v in Vendor], key="vendor", bind="query-params", placeholder="All vendors"
    )
    sexes = columns[1].multiselect("Sex", [sex.value for sex in Sex], key="sex", bind="query-params", placeholder="All")
    low = _age(columns[2], "Age from", key="age_from")
    high = _age(columns[3], "to", key="age_to")
    if low is not None and high is not None and low > high:
        st.caption(f":material/swap_horiz: Ages run from the lower to the higher: shown are {high:g} to {low:g} years.")
        low, high = high, low
    own = _own(columns[4], columns[5]) if with_category else {}
    with columns[-1].popover(":material/tune:", help="Scanner, site, period, follow-up; saved views"):
        more = _more(with_state=with_category)
        place = st.container()
    keep(keys)
    chosen = CohortFilter(
        vendors=tuple(Vendor(v) for v in vendors),
        sexes=tuple(Sex(s) for s in sexes),
        age_from=low,
        age_to=high,
        **own,
        **more,
    )
    with place:
        saved_views.show_views(chosen, open_view=partial(_open, keys))
    return chosen


def link_query(chosen: CohortFilter) -> dict[str, str | list[str]]:
    """The filter as the query parameters of a link to another page."""
    return {name: found[0] if len(found) == 1 else found for name, found in parse_qs(chosen.to_query()).items()}


def _open(keys: tuple[str, ...], view: CohortFilter) -> None:
    """Set the widgets of this page to a view; what the page does not ask stays out."""
    found: dict[str, Any] = {
        "vendor": [v.value for v in view.vendors],
        "sex": [s.value for s in view.sexes],
        "age_from": None if view.age_from is None else int(view.age_from),
        "age_to": None if view.age_to is None else int(view.age_to),
        "scanner": list(view.scanners),
        "site": list(view.sites),
        "studied_from": view.studied_from,
        "studied_to": view.studied_to,
        "category": [c.value for c in view.categories],
        "flagged": bool(view.flagged),
        "review": bool(view.review),
        "overdue": bool(view.overdue),
        "state": [s.value for s in view.states],
    }
    for key in keys:
        if key in found:
            st.session_state[key] = found[key]


def _own(left: DeltaGenerator, right: DeltaGenerator) -> dict[str, Any]:
    """What the worklist alone asks: category, and three marks."""
    categories = left.multiselect(
        "Category", [c.value for c in Category], key="category", bind="query-params", placeholder="All categories"
    )
    with right.container(gap=None):
        marks = {
            name: st.toggle(name.capitalize(), key=name, bind="query-params") or None
            for name in ("flagged", "review", "overdue")
        }
    return {"categories": tuple(Category(c) for c in categories), **marks}


def _more(*, with_state: bool) -> dict[str, Any]:
    """What is asked for seldom: scanner, site, period and state of the follow-up."""
    options = services.filter_options()
    scanners = st.multiselect("Scanner model", options["scanner"], key="scanner", bind="query-params")
    sites = st.multiselect(
        "Site",
        options["site"],
        key="site",
        bind="query-params",
        format_func=services.site_words,
        help="Institution of the scan, or its name in the site table; a key where no name is known",
    )
    left, right = st.columns(2)
    first = left.date_input("Studied from", value=None, key="studied_from", bind="query-params")
    last = right.date_input("to", value=None, key="studied_to", bind="query-params")
    if first and last and first > last:
        st.caption(":material/swap_horiz: Days run from the earlier to the later: shown are both ends swapped.")
        first, last = last, first
    states: list[str] = []
    if with_state:
        states = st.multiselect("Follow-up state", [s.value for s in State], key="state", bind="query-params")
    return {
        "scanners": tuple(scanners),
        "sites": tuple(sites),
        "studied_from": first,
        "studied_to": last,
        "states": tuple(State(s) for s in states),
    }


def _age(column: DeltaGenerator, label: str, *, key: str) -> float | None:
    value = column.number_input(
        label, 0, _OLDEST, value=None, key=key, bind="query-params", placeholder="any", help="Years at the study"
    )
    return None if value is None else float(value)

"""The cohort filter as one row of widgets; what is chosen stands in the address and goes along from page to page.

Names in the address are those of ``CohortFilter.to_query``, so that a link made elsewhere opens the same cohort.
"""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from osteo_core.programme.cohort import CohortFilter
from osteo_core.terms import Category, Sex, Vendor
from pages.ui import frame

#: Names in the address, and of the widgets.
KEYS = ("vendor", "sex", "age_from", "age_to", "category", "flagged", "review")
_OLDEST = 130
_KEPT = "cohort_filter_kept"


def _carry_over(keys: tuple[str, ...]) -> None:
    """What was chosen on another page is chosen here too, unless the address says otherwise."""
    if not st.session_state[frame.IS_NEW_PAGE]:
        return
    # Opening a patient wrote that name into this page's address too, over the filter: it is met on the way back.
    is_way_back = st.query_params.pop("series", None) is not None
    if not any(key in st.query_params for key in KEYS):
        kept = st.session_state.get(_KEPT, {})
        for key in keys:
            if kept.get(key):
                st.session_state[key] = kept[key]
                st.query_params[key] = kept[key] if isinstance(kept[key], list) else str(kept[key]).lower()
        if is_way_back and any(kept.get(key) for key in keys):
            st.rerun()  # after a step in the browser's history widgets believe the address they were asked with


def _keep(keys: tuple[str, ...]) -> None:
    kept = st.session_state.setdefault(_KEPT, {})
    kept.update({key: st.session_state[key] for key in keys})


def cohort_filter(*, with_category: bool = True) -> CohortFilter:
    """Draw the row and give what is chosen; nothing chosen means everybody."""
    keys = KEYS if with_category else KEYS[:4]
    _carry_over(keys)
    weights = [2, 1.4, 1.3, 1.3, 2, 1.3] if with_category else [2, 1.4, 1.3, 1.3, 1.5]
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
    categories: list[str] = []
    flagged = review = False
    if with_category:
        categories = columns[4].multiselect(
            "Category", [c.value for c in Category], key="category", bind="query-params", placeholder="All categories"
        )
        with columns[5].container(gap=None):
            flagged = st.toggle("Flagged", key="flagged", bind="query-params")
            review = st.toggle("Review", key="review", bind="query-params")
    _keep(keys)
    return CohortFilter(
        vendors=tuple(Vendor(v) for v in vendors),
        sexes=tuple(Sex(s) for s in sexes),
        age_from=low,
        age_to=high,
        categories=tuple(Category(c) for c in categories),
        flagged=True if flagged else None,
        review=True if review else None,
    )


def _age(column: DeltaGenerator, label: str, *, key: str) -> float | None:
    value = column.number_input(
        label, 0, _OLDEST, value=None, key=key, bind="query-params", placeholder="any", help="Years at the study"
    )
    return None if value is None else float(value)

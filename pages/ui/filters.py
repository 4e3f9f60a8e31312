"""The cohort filter as one row of widgets; what is chosen stands in the address and goes along from page to page.

Names in the address are those of ``CohortFilter.to_query``, so that a link made elsewhere opens the same cohort.
"""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from osteo_core.programme.cohort import CohortFilter
from osteo_core.terms import Category, Sex, Vendor

SEX_WORDS: dict[Sex, str] = {Sex.FEMALE: "Women", Sex.MALE: "Men", Sex.OTHER: "Other", Sex.UNKNOWN: "Unknown"}
_OLDEST = 130


def _read_sex_codes() -> None:
    """``?sex=F`` means women too: bound widgets know only the words they show."""
    codes = [code for code in st.query_params.get_all("sex") if code in set(Sex)]
    if codes:
        st.session_state["sex"] = [SEX_WORDS[Sex(code)] for code in codes]


def cohort_filter(*, with_category: bool = True) -> CohortFilter:
    """Draw the row and give what is chosen; nothing chosen means everybody."""
    _read_sex_codes()
    weights = [2, 1.5, 1, 1, 2, 1.5] if with_category else [2, 1.5, 1, 1, 2]
    columns = st.columns(weights, vertical_alignment="bottom")
    vendors = columns[0].multiselect(
        "Vendor", [v.value for v in Vendor], key="vendor", bind="query-params", placeholder="All vendors"
    )
    sexes = columns[1].multiselect("Sex", list(SEX_WORDS.values()), key="sex", bind="query-params", placeholder="All")
    low = _age(columns[2], "Age from", key="age_from")
    high = _age(columns[3], "to", key="age_to")
    if low is not None and high is not None and low > high:
        st.caption(f":material/swap_horiz: Ages run from the lower to the higher: shown are {high:g} to {low:g} years.")
        low, high = high, low
    categories: list[str] = []
    flagged = False
    if with_category:
        categories = columns[4].multiselect(
            "Category", [c.value for c in Category], key="category", bind="query-params", placeholder="All categories"
        )
        flagged = columns[5].toggle("Flagged only", key="flagged", bind="query-params")
    return CohortFilter(
        vendors=tuple(Vendor(v) for v in vendors),
        sexes=tuple(sex for sex, word in SEX_WORDS.items() if word in sexes),
        age_from=low,
        age_to=high,
        categories=tuple(Category(c) for c in categories),
        flagged=True if flagged else None,
    )


def _age(column: DeltaGenerator, label: str, *, key: str) -> float | None:
    value = column.number_input(
        label, 0, _OLDEST, value=None, key=key, bind="query-params", placeholder="any", help="Years at the study"
    )
    return None if value is None else float(value)

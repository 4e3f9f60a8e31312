"""The cohort filter as one row of widgets; what is chosen stands in the address and goes along from page to page."""

from __future__ import annotations

import streamlit as st
from osteo_core.programme.cohort import CohortFilter

from osteo_core.terms import Category, Sex, Vendor

SEX_WORDS: dict[Sex, str] = {Sex.FEMALE: "Women", Sex.MALE: "Men", Sex.OTHER: "Other", Sex.UNKNOWN: "Unknown"}
AGE_RANGE = (18, 110)
#: Names in the address.
KEYS = ("vendor", "sex", "age", "category", "flagged")


def _words(chosen: list[str]) -> str:
    return ", ".join(chosen)


def cohort_filter(*, with_category: bool = True) -> CohortFilter:
    """Draw the row and give what is chosen; nothing chosen means everybody."""
    columns = st.columns([2, 1.4, 2, 2, 1.6] if with_category else [2.2, 1.6, 2.2], vertical_alignment="bottom")
    vendors = columns[0].multiselect(
        "Vendor", [v.value for v in Vendor], key="vendor", bind="query-params", placeholder="All vendors"
    )
    sexes = columns[1].multiselect("Sex", list(SEX_WORDS.values()), key="sex", bind="query-params", placeholder="All")
    low, high = columns[2].slider("Age, years", *AGE_RANGE, value=AGE_RANGE, key="age", bind="query-params")
    categories: list[str] = []
    flagged = False
    if with_category:
        categories = columns[3].multiselect(
            "Category", [c.value for c in Category], key="category", bind="query-params", placeholder="All categories"
        )
        flagged = columns[4].toggle("Flagged only", key="flagged", bind="query-params")
    return CohortFilter(
        vendors=tuple(Vendor(v) for v in vendors),
        sexes=tuple(sex for sex, word in SEX_WORDS.items() if word in sexes),
        age_from=float(low) if low > AGE_RANGE[0] else None,
        age_to=float(high) if high < AGE_RANGE[1] else None,
        categories=tuple(Category(c) for c in categories),
        flagged=True if flagged else None,
    )


def query_of_page() -> dict[str, list[str]]:
    """The filter as it stands in the address, to be handed to the next page."""
    return {key: st.query_params.get_all(key) for key in KEYS if key in st.query_params}

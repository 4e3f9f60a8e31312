"""The filter and its query string; prevalence with its interval and small groups marked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteo_core.errors import UsageError
from osteo_core.programme.cohort import CohortFilter
from osteo_core.programme.prevalence import AGE_BANDS, age_band
from osteo_core.terms import Category, Sex, Vendor

FILTERS = st.builds(
    CohortFilter,
    vendors=st.lists(st.sampled_from(Vendor), unique=True).map(tuple),
    sexes=st.lists(st.sampled_from(Sex), unique=True).map(tuple),
    age_from=st.none() | st.floats(0, 60),
    age_to=st.none() | st.floats(60, 120),
    categories=st.lists(st.sampled_from(Category), unique=True).map(tuple),
    flagged=st.none() | st.booleans(),
    review=st.none() | st.booleans(),
    simulated=st.none() | st.booleans(),
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)


@given(FILTERS)
def test_a_filter_survives_its_query_string(cohort: CohortFilter) -> None:
    assert CohortFilter.from_query(cohort.to_query()) == cohort
    assert CohortFilter.from_query("?page=2&" + cohort.to_query()) == cohort


def test_nobody_chosen_is_an_empty_string() -> None:
    assert CohortFilter().to_query() == ""
    assert CohortFilter.from_query("") == CohortFilter()
    assert CohortFilter(vendors=(Vendor.CANON,), flagged=True).to_query() == "vendor=Canon%2FToshiba&flagged=true"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("vendor=Acme", r"vendor must be one of .* found \['Acme'\]"),
        ("age_from=old", "age_from cannot be read from 'old'"),
        ("age_to=nan", "age_to cannot be read from 'nan'"),
        ("flagged=perhaps", "flagged cannot be read from 'perhaps'"),
        ("age_from=80&age_to=60", "ages must run from the lower to the higher, found 80 to 60"),
    ],
)
def test_a_link_that_lost_its_meaning_is_refused(query: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        CohortFilter.from_query(query)


@given(st.floats(0, 130))
def test_each_age_has_one_band(age: float) -> None:
    assert [name for name, low, high in AGE_BANDS if low <= age < high] == [age_band(age)]


def test_ages_that_are_none_or_no_age() -> None:
    assert age_band(None) == "unknown"
    with pytest.raises(UsageError, match="an age must be a number of years from 0, found -1"):
        age_band(-1)

"""Rules that SQL needs, as small tables filled from Python: bands, time limits, states and categories have one
definition.

They are part of the recipe of the derived tables: when a rule changes, these are rebuilt at the next opening.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

from osteo_core.columns.column import FLAG, FLOAT, INT, TEXT, Column, Table, table
from osteo_core.limits.acquisition import SERIES_TRIED
from osteo_core.limits.follow_up import ASSESSMENT_WEEKS, PERSISTENCE_WEEKS, REVIEW_WORKING_DAYS, TREATMENT_WEEKS
from osteo_core.programme.drift import GROUP_YEARS, MINIMUM_GROUP
from osteo_core.programme.follow_up import (
    BEFORE_CLINIC,
    ENDED,
    MILESTONES,
    State,
    add_working_days,
    field_of,
    weeks_of,
)
from osteo_core.programme.indicators import FRACTURE_GRADE
from osteo_core.programme.prevalence import AGE_BANDS, FIVE_YEARS_FROM, UNKNOWN_AGE
from osteo_core.terms import Category

_AGE_BANDS = table(
    "age_bands",
    "age bands as pages show them",
    Column("position", INT, "count", "order in which bands are shown"),
    Column("name", TEXT, "text", "name of the band"),
    Column("from_years", FLOAT, "years", "lowest age; null where the age is not known"),
    Column("to_years", FLOAT, "years", "lowest age beyond it"),
    key="position",
)
_FIVE_YEARS = table(
    "five_years",
    "five-year ages by which rates are standardised",
    Column("code", INT, "count", "small number of the group, from 1; 0 is younger or not known"),
    Column("from_years", INT, "years", "lowest age; the last group is open"),
    Column("to_years", FLOAT, "years", "lowest age beyond it"),
    key="code",
)
_STATES = table(
    "states",
    "states of a flag's follow-up and their clocks",
    Column("position", INT, "count", "order of the way"),
    Column("state", TEXT, "text", "the state"),
    Column("is_ended", FLAG, "true, false", "the follow-up has ended"),
    Column("is_before_clinic", FLAG, "true, false", "confirmed, and not yet seen in the clinic"),
    Column("weeks", INT, "weeks", "from the flag until the next thing is due; null where none is, or in working days"),
    Column("is_in_working_days", FLAG, "true, false", "the next thing is due in working days (weekdays)"),
    key="position",
)
_WEEKDAYS = table(
    "weekdays",
    "days until a flag must have been reviewed, by the weekday of the flag",
    Column("weekday", INT, "1-7", "1 is Monday"),
    Column("days", INT, "days", "calendar days that hold the working days"),
    key="weekday",
)
_MILESTONES = table(
    "milestones",
    "which words of a note reach which milestone of the follow-up",
    Column("milestone", TEXT, "text", "what was reached"),
    Column("field", TEXT, "state, fact, because", "part of the note"),
    Column("word", TEXT, "text", "what it says"),
    key="milestone field word",
)
_CATEGORIES = table(
    "categories",
    "categories of vBMD",
    Column("category", TEXT, "text", "the category"),
    Column("face", INT, "1-3", "small number of the category; null for none"),
    key="category",
)
_RULES = table(
    "rules",
    "single numbers of rules, by name",
    Column("name", TEXT, "text", "what the number is"),
    Column("value", FLOAT, "number", "its value"),
    key="name",
)
#: Every table of rules, by name.
RULES: dict[str, Table] = {
    one.name: one for one in (_AGE_BANDS, _FIVE_YEARS, _STATES, _WEEKDAYS, _MILESTONES, _CATEGORIES, _RULES)
}
_MONDAY = datetime(2024, 1, 1, 12, tzinfo=UTC)


def rows() -> dict[str, list[tuple[Any, ...]]]:
    """The rows of every table of rules."""
    return {
        "age_bands": [
            *((position, name, low, high) for position, (name, low, high) in enumerate(AGE_BANDS)),
            (len(AGE_BANDS), UNKNOWN_AGE, None, None),
        ],
        "five_years": list(_five_years()),
        "states": [
            (n, str(state), state in ENDED, state in BEFORE_CLINIC, weeks_of(state), state is State.TO_REVIEW)
            for n, state in enumerate(State)
        ],
        "weekdays": [(day + 1, _review_days(_MONDAY + timedelta(days=day))) for day in range(7)],
        "milestones": [(name, field_of(word), str(word)) for name, words in MILESTONES.items() for word in words],
        "categories": [
            (str(Category.OSTEOPOROSIS), 1),
            (str(Category.LOW_BONE_MASS), 2),
            (str(Category.NORMAL), 3),
            (str(Category.NOT_REPORTABLE), None),
        ],
        "rules": [
            ("assessment weeks", ASSESSMENT_WEEKS.value),
            ("treatment weeks", TREATMENT_WEEKS.value),
            ("persistence weeks", PERSISTENCE_WEEKS.value),
            ("fracture grade", float(FRACTURE_GRADE)),
            ("minimum group", float(MINIMUM_GROUP)),
            ("group years", float(GROUP_YEARS)),
            ("series tried", SERIES_TRIED.value),
        ],
    }


def fill(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill the tables of rules, which exist and are empty."""
    for name, given in rows().items():
        row = f"({', '.join('?' for _ in RULES[name].columns)})"
        values = [value for one in given for value in one]
        connection.execute(f"INSERT INTO {name} VALUES {', '.join([row] * len(given))}", values)


def _five_years() -> Iterable[tuple[int, int, float]]:
    ends = (*map(float, FIVE_YEARS_FROM[1:]), float("inf"))
    for code, (low, high) in enumerate(zip(FIVE_YEARS_FROM, ends, strict=True), start=1):
        yield code, low, high


def _review_days(flagged_at: datetime) -> int:
    return (add_working_days(flagged_at, int(REVIEW_WORKING_DAYS.value)) - flagged_at).days

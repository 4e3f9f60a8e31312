"""Rules are defined once, in Python: the store's tables are filled from there, and no SQL contains a rule's number."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from db import rules, schema
from db.connect import Store
from osteo_core.programme.follow_up import Because, Fact, State, due_at
from osteo_core.programme.indicators import ELEVEN, OWN
from osteo_core.programme.prevalence import age_band
from osteo_core.terms import Category

SQL = sorted(Path(rules.__file__).parent.rglob("*.sql"))
RULE_WORDS = {str(word) for words in (State, Fact, Because) for word in words} | {n for n, _, _ in rules.AGE_BANDS}
#: States that queries name literally, as with `Category` and `Status`.
ASKED_FOR = {"to review", "confirmed", "not confirmed"}
#: Counts of the indicators, some of which are named like the state that they count.
COUNTS = {name for _, _, name in (*ELEVEN, *OWN) if name}
#: A comparison with a number other than 0 or 1.
NUMBER = re.compile(r"(?:>=|<=|<|>)\s*(?!0\b|1\b)(\d+)")


@pytest.fixture
def connection():
    with duckdb.connect(":memory:") as opened:
        opened.execute("SET TimeZone = 'UTC'")
        schema.bring_up(opened)
        yield opened


def code(path: Path) -> str:
    return re.sub(r"--[^\n]*", "", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", SQL, ids=lambda path: path.name)
def test_no_rule_is_written_in_sql(path: Path) -> None:
    text = code(path)
    assert {word for word in re.findall(r"'([^']*)'", text) if word in RULE_WORDS - ASKED_FOR - COUNTS} == set()
    shifts = re.sub(r"<<\s*\d+|>>\s*\d+", "", text)
    assert NUMBER.findall(shifts) == []


def test_words_that_sql_asks_for_are_in_the_vocabularies() -> None:
    asked = {word for path in SQL for word in re.findall(r"'([^']*)'", code(path))}
    assert ASKED_FOR <= {str(state) for state in State}
    assert {str(category) for category in Category} & asked == {"osteoporosis", "low bone mass", "normal"}


def test_clocks_of_the_tables_are_those_of_the_programme(connection) -> None:
    for flagged_at in (datetime(2026, 11, 23, 9, 30, tzinfo=UTC) + timedelta(days=day) for day in range(7)):
        found = connection.execute(
            "SELECT s.state, epoch($at::TIMESTAMPTZ "
            "+ to_days(CASE WHEN s.is_in_working_days THEN w.days ELSE 7 * s.weeks END)) "
            "FROM states AS s, weekdays AS w WHERE w.weekday = isodow($at::TIMESTAMPTZ)",
            {"at": flagged_at},
        ).fetchall()
        due = {str(state): due_at(state, flagged_at) for state in State}
        assert dict(found) == {state: at and at.timestamp() for state, at in due.items()}


def test_age_bands_of_the_table_are_those_of_the_programme(connection) -> None:
    for age in (0.0, 49.99, 50.0, 59.5, 60.0, 79.0, 80.0, 104.0):
        found = connection.execute(
            "SELECT name FROM age_bands WHERE $age >= from_years AND $age < to_years", {"age": age}
        ).fetchall()
        assert found == [(age_band(age),)]


def test_the_cohort_has_the_bands_of_the_programme(filled: Store) -> None:
    rows = filled._cursor().execute(
        "SELECT cohort.patient_age_years, names.name FROM cohort "
        "JOIN names ON names.kind = 'age_band' AND names.number = cohort.age_band_number"
    )
    found = rows.fetchall()
    assert len(found) == 28
    assert all(age_band(age) == name for age, name in found)


def test_a_changed_rule_makes_derived_tables_anew(connection, monkeypatch: pytest.MonkeyPatch) -> None:
    assert schema.is_brought_up(connection)
    changed = {**rules.rows(), "rules": [("fracture grade", 3.0)]}
    monkeypatch.setattr(rules, "rows", lambda: changed)
    schema.derived.recipe.cache_clear()
    try:
        assert not schema.is_brought_up(connection)
        assert schema.bring_up(connection)
        assert connection.execute("SELECT value FROM rules").fetchall() == [(3.0,)]
    finally:
        monkeypatch.undo()
        schema.derived.recipe.cache_clear()

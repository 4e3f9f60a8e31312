"""Withdrawing on the page Agreement: the chosen item is withdrawn, however alike two lines or imports are named."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from db import rows
from db.events import record
from db.parts import write_part
from osteo_core.errors import UsageError
from osteo_core.programme.site_line import PairsLine, Scanner, line_event
from osteo_core.records import Estimate, Event
from pages.ui import services
from pages.ui.agreement.site_lines import _line_words, _what_follows
from tests.builders.cohort import build_cohort, build_references
from tests.builders.store import build_store

Open = Callable[..., AppTest]

AT = datetime(2026, 1, 5, 2, 13, 5, tzinfo=UTC)


@pytest.fixture
def waits_for_analysis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is analyzed here: the consequences of a withdrawal wait."""
    monkeypatch.setattr("pages.ui.services.site_lines.may_start", lambda: False)


def write_lines(store: Path, *scanners: tuple[float, str, str], at: Sequence[datetime]) -> None:
    """Lines of one model as made by `pairs --use`: tube voltage, kernel group and mineral of each; ids l0, l1, ..."""
    for n, (given, moment) in enumerate(zip(scanners, at, strict=True)):
        record(store, line_of(*given, event_id=f"l{n}", at=moment))


def line_of(kvp: float, kernel_group: str, mineral: str, *, event_id: str, at: datetime) -> Event:
    """The event that puts a line of this scanner into use."""
    slope, intercept = (Estimate(value=v, low=v, high=v, n=40, method="test") for v in (0.8, 4.0))
    line = PairsLine(
        n=40,
        slope_mg_cm3_per_hu=slope,
        intercept_mg_cm3=intercept,
        left_out_bias_mg_cm3=0.0,
        left_out_sd_mg_cm3=2.0,
        lowest_mg_cm3=40.0,
        highest_mg_cm3=180.0,
        outliers=(),
    )
    scanner = Scanner(
        vendor="GE", manufacturer_model_name="Revolution", kvp=kvp, kernel_group=kernel_group, mineral=mineral
    )
    return line_event(scanner, line, event_id=event_id, author="NN", reason="", at=at)


def open_agreement(open_page: Open, store: Path, *, imports: Sequence[datetime] = ()) -> AppTest:
    """The page with eight patients who have QCT values, imported once at each of these times."""
    results = build_cohort(8)
    for at in imports:
        write_part(store, "reference_values", rows.reference_table(build_references(results), at=at))
    build_store(store, results, references=() if imports else build_references(results))
    app = open_page(store, "pages/agreement.py")
    assert not app.exception
    return app.text_input(key="author-field").set_value("AB").run()


def withdraw(app: AppTest, box: str, chosen: str | datetime) -> AppTest:
    """Choose an item in the box, give a reason, and press its button."""
    app.selectbox(key=box).set_value(chosen).run()
    app.text_input(key=f"{box}-reason").set_value("wrong phantom").run()
    words = chosen if isinstance(chosen, str) else chosen.isoformat()
    (button,) = (one for one in app.button if one.key and one.key.startswith(box) and one.key.endswith(words))
    app = button.click().run()
    assert not app.exception
    return app


def withdrawn_lines() -> set[str]:
    return {one.line_id for one in services.used_lines() if one.withdrawn_at}


@pytest.mark.usefixtures("waits_for_analysis")
@pytest.mark.parametrize("chosen", ["l0", "l1"])
def test_of_two_lines_of_one_moment_and_model_the_chosen_one_is_withdrawn(
    chosen: str, tmp_path: Path, open_page: Open
) -> None:
    (store := tmp_path / "store").mkdir()
    write_lines(store, (100.0, "standard", "HA"), (120.0, "standard", "HA"), at=(AT, AT))
    app = open_agreement(open_page, store)
    words = sorted(one.split(", ", 2)[2] for one in app.selectbox(key="site-line-withdraw").options)
    assert words == ["GE Revolution 100 kVp standard, HA", "GE Revolution 120 kVp standard, HA"]
    withdraw(app, "site-line-withdraw", chosen)
    assert withdrawn_lines() == {chosen}


@pytest.mark.usefixtures("waits_for_analysis")
def test_lines_of_one_minute_are_named_with_seconds_and_of_one_second_with_their_id(
    tmp_path: Path, open_page: Open
) -> None:
    (store := tmp_path / "store").mkdir()
    moments = (AT, AT + timedelta(seconds=4), AT + timedelta(seconds=4), AT)
    same = (120.0, "standard", "HA")
    write_lines(store, same, same, same, (120.0, "unknown", "HA"), at=moments)
    app = open_agreement(open_page, store)
    minute = AT.astimezone().strftime("%H:%M")
    assert [one.split(", ", 1)[1] for one in app.selectbox(key="site-line-withdraw").options] == [
        f"{minute}:09, GE Revolution 120 kVp standard, HA, l2",
        f"{minute}:09, GE Revolution 120 kVp standard, HA, l1",
        f"{minute}, GE Revolution 120 kVp unknown, HA",
        f"{minute}:05, GE Revolution 120 kVp standard, HA",
    ]
    assert {one.line_id: (one.is_in_force, one.then) for one in services.used_lines()} == {
        "l0": (False, ""),
        "l1": (False, ""),
        "l2": (True, "l1"),
        "l3": (True, ""),
    }
    assert any("The previous line is then in use again" in one.value for one in app.caption)  # of l2, the first
    withdraw(app, "site-line-withdraw", "l1")
    assert withdrawn_lines() == {"l1"}
    assert any("changes no value" in _what_follows(one, {}) for one in services.used_lines() if one.line_id == "l0")


@pytest.mark.usefixtures("waits_for_analysis")
def test_a_line_can_be_withdrawn_after_the_values_it_was_made_from(
    tmp_path: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And if an analysis runs meanwhile, the next one is started here: Home has no button while nothing waits."""
    write_lines(tmp_path, (120.0, "standard", "HA"), at=(AT,))
    build_store(tmp_path, build_cohort(8))
    app = open_page(tmp_path, "pages/agreement.py")
    app.text_input(key="author-field").set_value("AB").run()
    withdraw(app, "site-line-withdraw", "l0")
    assert withdrawn_lines() == {"l0"}
    assert "Start it below once the running one has ended" in app.success[0].value
    started: list[bool] = []
    monkeypatch.setattr(services, "start_run", lambda: started.append(True))
    app.run().button(key="site-line-run").click().run()
    assert started == [True]
    assert app.toast[0].value == "The analysis has started; Home shows its progress."


@pytest.mark.usefixtures("waits_for_analysis")
def test_a_click_for_a_line_that_is_gone_meanwhile_withdraws_no_other(tmp_path: Path, open_page: Open) -> None:
    (store := tmp_path / "store").mkdir()
    write_lines(store, (100.0, "standard", "HA"), (120.0, "standard", "HA"), at=(AT, AT))
    app = open_agreement(open_page, store)
    app.selectbox(key="site-line-withdraw").set_value("l0").run()
    app.text_input(key="site-line-withdraw-reason").set_value("wrong phantom").run()
    (button,) = (one for one in app.button if one.key == "site-line-withdraw-l0")
    services.withdraw_line("l0", author="CD", reason="first")
    assert not button.click().run().exception
    assert withdrawn_lines() == {"l0"}
    with pytest.raises(UsageError, match="this line was withdrawn already"):
        services.withdraw_line("l0", author="EF", reason="second")


@pytest.mark.parametrize("is_old", [False, True])
def test_lines_for_every_model_are_told_with_what_to_do(is_old: bool, tmp_path: Path, open_page: Open) -> None:
    (store := tmp_path / "store").mkdir()
    line = line_of(120.0, "standard", "HA", event_id="l0", at=AT)
    payload = json.loads(line.payload_json)
    if is_old:
        payload["row"]["manufacturer_model_name"] = ""
    record(store, replace(line, payload_json=json.dumps(payload)))
    told = [one.value for one in open_agreement(open_page, store).warning]
    assert len(told) == is_old
    assert not told or told[0].startswith(
        "1 line in use has no scanner model and applies to every model of the vendor;"
    )


@pytest.mark.parametrize("chosen", [0, 1, 2])
def test_of_imports_of_one_minute_the_chosen_one_is_withdrawn(chosen: int, tmp_path: Path, open_page: Open) -> None:
    imports = [AT + timedelta(seconds=4, milliseconds=500), AT + timedelta(seconds=4), AT]
    app = open_agreement(open_page, tmp_path / "store", imports=imports)
    found = [one.imported_at for one in services.qct_imports()]
    assert found == imports
    minute = AT.astimezone().strftime("%H:%M")
    values = len(build_references(build_cohort(8)))
    names = app.selectbox(key="qct-withdraw").options
    assert names[:2] == [f"{at.isoformat()}, {values} values" for at in found[:2]]
    assert names[2].endswith(f", {minute}:05, {values} values")
    assert app.selectbox(key="qct-first").options == app.selectbox(key="qct-second").options == names
    withdraw(app, "qct-withdraw", found[chosen])
    assert [one.imported_at for one in services.qct_imports() if one.withdrawn_at] == [found[chosen]]


def test_one_import_a_minute_is_named_by_its_minute(tmp_path: Path, open_page: Open) -> None:
    app = open_agreement(open_page, tmp_path / "store", imports=[AT, AT + timedelta(minutes=1)])
    minute = AT.astimezone().strftime("%H:%M")
    assert f", {minute}, " in app.selectbox(key="qct-withdraw").options[1]


def test_a_line_is_written_as_a_formula() -> None:
    assert _line_words(0.587, 3.96) == "0.587 × HU + 4.0"
    assert _line_words(0.6, -3.26) == "0.600 × HU - 3.3"
    assert _line_words(0.6, -0.04) == "0.600 × HU + 0.0"

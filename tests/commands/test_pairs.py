"""``pairs``: one line per scanner from the store's own pairs, written as a table that the program reads back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from commands.pairs import Preview, preview_words
from db import rows
from db.connect import open_snapshot, open_store
from db.parts import write_parts
from osteo_core.__main__ import run
from osteo_core.density.calibration.setup import read_setup
from osteo_core.density.calibration.site import COLUMNS, read_site_lines
from osteo_core.errors import UsageError
from osteo_core.programme.site_line import (
    PairsLine,
    Scanner,
    ScannerLine,
    line_event,
    rows_in_force,
    scanner_lines,
    table_row,
    withdrawal_event,
)
from osteo_core.records import Event, ReferenceValue
from osteo_core.settings import STORE_LINES, Settings, with_store_lines
from osteo_core.terms import ContrastPhase, Status
from tests.builders.cohort import build_cohort
from tests.builders.store import write_results

NOW = datetime(2026, 11, 29, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def store_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 native patients of one scanner; their QCT is 0.8 HU + 4 of the levels used, alternately 2 higher and lower."""
    folder = tmp_path_factory.mktemp("pairs") / "store"
    results = [
        replace(
            one,
            series=replace(
                one.series, vendor="GE", manufacturer_model_name="Revolution", kvp=120.0, kernel_group="standard"
            ),
            contrast_phase=ContrastPhase.NATIVE,
        )
        for one in build_cohort(60)
    ]
    measured = [
        one for one in results if one.status is Status.MEASURED and one.assessment and one.assessment.levels_used
    ]
    values = []
    for number, one in enumerate(measured):
        used = [m for m in one.measurements if m.level in one.assessment.levels_used and m.median_hu is not None]
        hu = sum(m.median_hu for m in used) / len(used)
        values.append(
            ReferenceValue(
                patient_key=one.series.patient_key,
                level=None,
                vbmd_mg_cm3=max(0.8 * hu + 4.0 + 2.0 * (-1) ** number, 0.0),
                source="QCT",
            )
        )
    write_results(folder, results)
    write_parts(folder, {"reference_values": rows.reference_table(values)})
    with open_store(folder) as opened:
        opened.take_in()
        opened.publish_snapshot()
    return folder


def lines_of(store_dir: Path) -> list[ScannerLine]:
    with open_snapshot(store_dir) as reader:
        return scanner_lines(reader.query("qct_hu_pairs").to_pylist())


def test_the_line_of_the_scanner_comes_back(store_dir: Path) -> None:
    (found,) = lines_of(store_dir)
    assert found.scanner.words == "GE Revolution 120 kVp standard"
    assert found.line is not None, found.reason
    assert found.line.slope_mg_cm3_per_hu.value == pytest.approx(0.8, abs=0.03)
    assert found.line.intercept_mg_cm3.value == pytest.approx(4.0, abs=4.0)
    assert found.line.left_out_sd_mg_cm3 == pytest.approx(2.0, abs=0.3)


def test_the_table_it_writes_is_a_calibration_table(store_dir: Path, tmp_path: Path) -> None:
    (found,) = lines_of(store_dir)
    out, began = tmp_path / "lines.csv", date.today()
    run(["pairs", "--store", str(store_dir), "--out", str(out)])
    (line,) = read_site_lines(out)
    assert line.calibration.slope_mg_cm3_per_hu == pytest.approx(0.8, abs=0.03)
    assert line.calibration.residual_sd_mg_cm3 == pytest.approx(2.0, abs=0.3)
    assert line.calibration.valid_from == min(pair.study_date for pair in found.pairs if pair.study_date)
    assert line.calibration.valid_to in (day + timedelta(days=365) for day in (began, date.today()))
    assert [path.name for path in tmp_path.iterdir()] == ["lines.csv"]
    assert found.line is not None
    assert line.calibration.lowest_mg_cm3 == pytest.approx(found.line.lowest_mg_cm3, abs=0.06)
    assert line.calibration.highest_mg_cm3 == pytest.approx(found.line.highest_mg_cm3, abs=0.06)
    assert tuple(table_row(found.scanner, found.line, today=date.today())) == COLUMNS


def test_the_command_reports_and_overwrites_nothing(store_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "lines.csv"
    answer = run(["pairs", "--store", str(store_dir), "--out", str(out)])
    assert " x HU " in answer.sentences[0]
    assert "series of this scanner" in answer.sentences[0]
    before = out.read_text()
    with pytest.raises(UsageError, match="name a new file"):
        run(["pairs", "--store", str(store_dir), "--out", str(out)])
    assert out.read_text() == before


def test_a_store_without_pairs_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no store"):
        run(["pairs", "--store", str(tmp_path / "none")])
    with open_store(tmp_path / "store") as opened:
        opened.publish_snapshot()
    assert "No native CT has a QCT value" in run(["pairs", "--store", str(tmp_path / "store")]).sentences[0]


def test_a_line_in_use_needs_an_author_and_is_a_table_of_its_store(store_dir: Path, tmp_path: Path) -> None:
    own = tmp_path / "store"
    shutil.copytree(store_dir, own)
    with pytest.raises(UsageError, match="needs an author"):
        run(["pairs", "--store", str(own), "--use"])
    assert not (own / STORE_LINES).exists()
    plain = Settings(store=own)
    run(["pairs", "--store", str(own), "--use", "--author", "NN", "--reason", "40 pairs"])
    settings = with_store_lines(plain)
    (line,) = read_setup(settings).site_lines
    assert line.calibration.slope_mg_cm3_per_hu == pytest.approx(0.8, abs=0.03)
    assert settings.hash != plain.hash
    (own / STORE_LINES).unlink()  # it is derived from the events
    with open_store(own) as store:
        store.publish_snapshot()
    assert with_store_lines(plain).hash == settings.hash


def test_lines_of_one_scanner_in_two_minerals_are_not_put_into_use_together(store_dir: Path, tmp_path: Path) -> None:
    """One of the two would count, whichever came first by its random identifier."""
    own = tmp_path / "store"
    shutil.copytree(store_dir, own)
    with open_store(own) as store:
        values = store.query("qct_hu_pairs").to_pylist()
        in_ha = [
            ReferenceValue(
                patient_key=row["patient_key"], level=None, vbmd_mg_cm3=row["qct_mg_cm3"], source="HA", mineral="HA"
            )
            for row in values
        ]
        write_parts(own, {"reference_values": rows.reference_table(in_ha)})
        store.take_in()
        store.publish_snapshot()
    assert [one.scanner.mineral for one in lines_of(own)] == ["HA", "K2HPO4"]
    with pytest.raises(UsageError, match="GE Revolution 120 kVp standard has a line in each of two minerals"):
        run(["pairs", "--store", str(own), "--use", "--author", "NN", "--reason", "both"])
    assert not (own / STORE_LINES).exists()


def event(number: int, line: PairsLine, *, model: str = "Revolution", at: datetime = NOW) -> Event:
    return line_event(
        replace(first_scanner(), manufacturer_model_name=model),
        line,
        event_id=f"e{number}",
        author="NN",
        reason="",
        at=at,
    )


def test_the_line_made_last_counts_until_it_is_withdrawn(store_dir: Path) -> None:
    line = lines_of(store_dir)[0].line
    assert line is not None
    steeper = replace(line, slope_mg_cm3_per_hu=replace(line.slope_mg_cm3_per_hu, value=0.81, low=0.7, high=0.9))
    first, second = event(1, line), event(2, steeper, at=NOW + timedelta(days=30))
    other = event(3, line, model="Optima")
    assert [row["slope_mg_cm3_per_hu"] for row in rows_in_force([second, first])] == ["0.81000"]
    assert len(rows_in_force([first, second, other])) == 2
    in_ha = line_event(
        replace(first_scanner(), mineral="HA"), line, event_id="e9", author="NN", reason="", at=NOW + timedelta(days=40)
    )
    assert [row["mineral"] for row in rows_in_force([first, second, in_ha])] == ["HA"], "a scan has one calibration"
    gone = withdrawal_event("e2", event_id="e4", author="NN", reason="wrong phantom", at=NOW + timedelta(days=31))
    (row,) = rows_in_force([first, second, gone])
    assert row == table_row(first_scanner(), line, today=NOW.date())
    again = withdrawal_event("e1", event_id="e5", author="NN", reason="", at=NOW + timedelta(days=32))
    assert rows_in_force([first, second, gone, again]) == []


def test_the_year_of_a_line_begins_on_the_day_of_this_machine(store_dir: Path, in_zone: Callable[[str], None]) -> None:
    line = lines_of(store_dir)[0].line
    assert line is not None
    in_zone("Asia/Tokyo")
    (row,) = rows_in_force([event(1, line, at=datetime(2026, 11, 29, 16, 0, tzinfo=UTC))])
    assert (row["name"], row["valid_to"]) == ("QCT pairs of 2026-11-30", "2027-11-30")


def test_a_line_made_before_rows_had_a_range_gets_that_of_its_event(store_dir: Path) -> None:
    line = lines_of(store_dir)[0].line
    assert line is not None
    new = event(1, line)
    payload = json.loads(new.payload_json)
    for name in ("lowest_mg_cm3", "highest_mg_cm3"):
        del payload["row"][name]
    assert rows_in_force([replace(new, payload_json=json.dumps(payload))]) == rows_in_force([new])


def first_scanner() -> Scanner:
    return Scanner(
        vendor="GE", manufacturer_model_name="Revolution", kvp=120.0, kernel_group="standard", mineral="K2HPO4"
    )


def test_the_preview_counts_what_a_line_of_an_unknown_kernel_covers(tmp_path: Path) -> None:
    """Six series of one scanner, two of them of an unknown kernel; one has the model in different case."""
    base = [one for one in build_cohort(12) if one.status is Status.MEASURED][:6]
    kernels, models = ["standard"] * 4 + ["unknown"] * 2, ["Revolution"] * 5 + [" REVOLUTION"]
    results = [
        replace(
            one,
            series=replace(one.series, vendor="GE", manufacturer_model_name=model, kvp=120.0, kernel_group=kernel),
        )
        for one, kernel, model in zip(base, kernels, models, strict=True)
    ]
    write_results(tmp_path / "store", results)
    scanner = {"vendor": "GE", "manufacturer_model_name": "Revolution", "kvp": 120.0}
    with open_store(tmp_path / "store") as store:
        store.take_in()
        found = {
            kernel: [
                row["n"] for row in store.query("scanner_series", **scanner, kernel_group=kernel, limit=9).to_pylist()
            ]
            for kernel in ("standard", "unknown")
        }
    assert found == {"standard": [4] * 4, "unknown": [2] * 2}


@pytest.mark.parametrize(("tried", "words"), [(3, "no category changes"), (0, "not known which categories change")])
def test_a_line_that_could_not_be_tried_is_not_said_to_change_nothing(tried: int, words: str) -> None:
    assert f"{tried} were tried: {words}" in preview_words(Preview(series=3, tried=tried, moved=()))

"""Every page in the route table opens through app.py, filled and empty, and states its purpose."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from commands.cluster import pause
from db import rows
from db.parts import write_parts
from osteo_core.programme.cause import Cause
from osteo_core.programme.cohort import CohortFilter
from osteo_core.programme.comparison import CLASSES
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.records import Found
from osteo_core.terms import Anchor, Level, Mineral
from pages.ui.agreement import figures as agreement_figures
from pages.ui.export.report_figures import report_figures
from pages.ui.shared import wording
from tests.builders.cohort import build_cohort, build_references
from tests.builders.drift import build_drift_store
from tests.builders.follow_up import build_followed_store
from tests.builders.regressors import reading
from tests.builders.store import build_store

ROOT = Path(__file__).resolve().parents[2]
Open = Callable[..., AppTest]


def scripts() -> list[str]:
    """The scripts of the route table, read from app.py without running it."""
    calls = [node for node in ast.walk(ast.parse((ROOT / "app.py").read_text())) if isinstance(node, ast.Call)]
    return [
        ast.literal_eval(keyword.value)
        for call in calls
        if getattr(call.func, "id", "") == "Screen"
        for keyword in call.keywords
        if keyword.arg == "script"
    ]


def texts(app: AppTest) -> str:
    """All text on the page."""
    shown = (
        app.title,
        app.header,
        app.subheader,
        app.markdown,
        app.caption,
        app.code,
        app.info,
        app.warning,
        app.error,
    )
    metrics = " ".join(f"{metric.label} {metric.value}" for metric in app.metric)
    return " ".join(str(element.value) for kind in shown for element in kind) + " " + metrics


def test_the_route_table_lists_every_script_of_pages() -> None:
    assert sorted(scripts()) == sorted(f"pages/{file.name}" for file in (ROOT / "pages").glob("[a-z]*.py"))


@pytest.mark.parametrize("script", scripts())
def test_a_page_opens_with_its_title_and_the_research_line(script: str, filled_store: Path, open_page: Open) -> None:
    app = open_page(filled_store, script)
    assert not app.exception
    assert not app.error
    assert len(app.title) == 1
    assert wording.RESEARCH_USE in texts(app)
    assert "All patients here are simulated" in texts(app)


@pytest.mark.parametrize("script", sorted({*scripts()} - {"pages/about.py", "pages/replication.py"}))
def test_an_empty_store_says_what_to_run(script: str, tmp_path: Path, open_page: Open) -> None:
    app = open_page(tmp_path / "store", script)
    assert not app.exception
    assert "This store holds no series yet" in texts(app)
    assert f"python -m osteo_core index /path/to/ct --store {tmp_path / 'store'}" in texts(app)


def test_home_counts_the_cohort(filled_store: Path, open_page: Open) -> None:
    app = open_page(filled_store)
    numbers = {metric.label: metric.value for metric in app.metric}
    flagged = sum(bool(r.assessment and r.assessment.is_flagged) for r in build_cohort(60))
    assert numbers == {
        "Processed": "60",
        "Flagged": str(flagged),
        "To review": str(flagged),
        "Overdue": str(flagged),  # all since 1 Dec 2026
        "Failed": "0",
    }
    assert "From your second visit on" in texts(app)


def test_a_patient_shows_number_interval_and_origin(filled_store: Path, open_page: Open) -> None:
    result = next(r for r in build_cohort(60) if r.assessment and r.assessment.worst_fracture_grade)
    app = open_page(filled_store, "pages/patient.py", series=result.series.series_key)
    assert result.assessment is not None
    assert wording.estimate(result.assessment.mean_vbmd_mg_cm3) in texts(app)
    assert "Possible vertebral fracture of L1" in texts(app)
    levels = app.dataframe[0].value
    assert list(levels["level"]) == ["L1", "L2", "L3", "L4"]
    assert "looks fractured" in levels["reason"].iloc[0]
    assert all("(" in vbmd for vbmd in levels["vbmd"])


def test_a_patient_measured_on_a_mask_from_elsewhere_shows_whose_and_no_confidence(
    tmp_path: Path, open_page: Open
) -> None:
    (result,) = build_cohort(1)
    assert result.segmentation is not None
    segmentation = replace(
        result.segmentation,
        engine="mask from elsewhere: verse",
        anchor=Anchor.STATED,
        levels=tuple(replace(level, confidence=None) for level in result.segmentation.levels),
    )
    levels = tuple(replace(m, confidence=None) for m in result.measurements)
    store = build_store(tmp_path, [replace(result, segmentation=segmentation, measurements=levels)])
    app = open_page(store, "pages/patient.py", series=result.series.series_key)
    assert not app.exception
    assert app.dataframe[0].value["confidence"].isna().all()
    origin = " ".join(str(element.proto.body) for element in app.get("html"))
    assert "mask from elsewhere: verse" in origin
    assert "stated by a mask from elsewhere" in origin


def test_a_networks_reading_stands_beside_the_calibrated_value(tmp_path: Path, open_page: Open) -> None:
    result = build_cohort(1)[0]
    first, *rest = result.measurements
    result = replace(result, measurements=(replace(first, regressed_mg_cm3=reading(91.0)), *rest))
    store = build_store(tmp_path / "store", [result])
    app = open_page(store, "pages/patient.py", series=result.series.series_key)
    assert not app.exception
    levels = app.dataframe[0].value
    assert list(levels.columns)[:3] == ["level", "vbmd", "regressed"]
    assert list(levels["regressed"]) == ["91 (79 to 103)", *[wording.MISSING] * len(rest)]
    assert "DenseNet-121 (trained on simulated patients only)" in app.dataframe[0].proto.columns


def test_a_patient_whom_no_network_read_has_no_such_column(filled_store: Path, open_page: Open) -> None:
    app = open_page(filled_store, "pages/patient.py", series=build_cohort(1)[0].series.series_key)
    assert "regressed" not in app.dataframe[0].value.columns


def test_every_stored_value_of_a_patient_can_be_seen_with_unit_and_meaning(filled_store: Path, open_page: Open) -> None:
    app = open_page(filled_store, "pages/patient.py", series=build_cohort(1)[0].series.series_key)
    toggle = next(one for one in app.toggle if one.label == "Show every stored value")
    before = len(app.dataframe)
    toggle.set_value(True).run()
    assert not app.exception
    series, levels = (table.value for table in app.dataframe[-2:])
    assert len(app.dataframe) == before + 2
    assert {"kvp", "measuring_version", "calibration_name"} <= set(series["Column"])
    assert ("vbmd_mg_cm3", "trabecular vBMD") in set(zip(levels["Column"], levels["Meaning"], strict=True))


def test_a_patient_who_was_left_out_shows_why(filled_store: Path, open_page: Open) -> None:
    left_out = build_cohort(60)[6]
    app = open_page(filled_store, "pages/patient.py", series=left_out.series.series_key)
    assert not app.exception
    assert left_out.exclusions[0].sentence in texts(app)


def test_a_series_of_another_store_is_not_an_error(filled_store: Path, open_page: Open) -> None:
    app = open_page(filled_store, "pages/patient.py", series="ffffffffffffffff")
    assert not app.error
    assert "This store holds no such series" in texts(app)


def test_agreement_without_qct_tells_how_to_import(tmp_path: Path, open_page: Open) -> None:
    store = build_store(tmp_path / "store", build_cohort(8))
    app = open_page(store, "pages/agreement.py")
    assert "No measured patient in this filter has a QCT value" in texts(app)
    assert f"python -m osteo_core reference /path/to/qct.csv --store {store}" in texts(app)


def test_agreement_gives_each_vendor_its_bias(filled_store: Path, open_page: Open) -> None:
    app = open_page(filled_store, "pages/agreement.py")
    table = app.dataframe[0].value.set_index("Group")
    assert list(table.index) == ["All vendors", "Canon/Toshiba", "GE", "Philips", "Siemens", "UIH"]
    assert table.loc["All vendors", "n"] == 52
    assert float(table.loc["Philips", "Bias"].split()[0]) > float(table.loc["Canon/Toshiba", "Bias"].split()[0])


def test_two_minerals_are_never_in_one_figure(tmp_path: Path, open_page: Open) -> None:
    """20 of 60 series are in HA, as is the QCT of these patients."""
    results, references = build_cohort(60), build_references(build_cohort(60))
    in_ha = {r.series.patient_key for r in results[:20]}
    for n, r in enumerate(results[:20]):
        if r.assessment:
            line = replace(r.assessment.calibration, mineral=Mineral.HA)
            results[n] = replace(r, assessment=replace(r.assessment, calibration=line))
    references = [replace(v, mineral=Mineral.HA) if v.patient_key in in_ha else v for v in references]
    store = build_store(tmp_path / "store", results, references=references)
    app = open_page(store, "pages/agreement.py")
    n_ha = sum(v.patient_key in in_ha for v in references)
    assert f"Pairs: {52 - n_ha} in K2HPO4, {n_ha} in HA." in texts(app)
    assert app.dataframe[0].value.set_index("Group").loc["All vendors", "n"] == 52 - n_ha
    app = open_page(store, "pages/agreement.py", mineral="HA")
    assert not app.exception
    assert app.dataframe[0].value.set_index("Group").loc["All vendors", "n"] == n_ha
    figures = report_figures(CohortFilter(), seen_by=None)
    assert [one.title for one in figures if "QCT" in one.title] == [
        f"{title}, {mineral}"
        for mineral in ("K2HPO4", "HA")
        for title in ("Agreement with QCT", "Differences from QCT")
    ]


def test_too_many_pairs_are_counted_and_a_box_leads_to_its_points(
    filled_store: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agreement_figures, "MOST_POINTS", 20)
    app = open_page(filled_store, "pages/agreement.py")
    assert "52 pairs: the colour shows how many pairs lie in each cell" in texts(app)
    box = {"xref": "x", "yref": "y", "x": [120.0, 60.0], "y": [60.0, 90.0]}
    app.session_state["scatter"] = {"selection": {"points": [], "point_indices": [], "box": [box], "lasso": []}}
    app.run()
    assert not app.exception
    values = [r.assessment.mean_vbmd_mg_cm3.value for r in build_cohort(60) if r.assessment]
    assert 0 < sum(60 <= value <= 90 for value in values) < 20
    assert " of 52 pairs are in the box." in texts(app)
    app.button(key="all-scatter").click().run()
    assert "pairs are in the box" not in texts(app)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_few_pairs_give_dashes_and_no_error(count: int, tmp_path: Path, open_page: Open) -> None:
    results = build_cohort(count)
    store = build_store(tmp_path / "store", results, references=build_references(results))
    app = open_page(store, "pages/agreement.py")
    assert not app.error
    row = app.dataframe[0].value.iloc[0]
    assert row["n"] == count
    assert (row["Bias"] == wording.MISSING) is (count < 3)


def test_exclusions_add_up(filled_store: Path, open_page: Open) -> None:
    app = open_page(filled_store, "pages/exclusions.py")
    numbers = {metric.label: metric.value for metric in app.metric}
    assert numbers == {
        "Series found": "60",
        "Without a category": "8 of 60 (13 %)",
        "With a category": "52 of 60 (87 %)",
    }
    boxes = [button.label for button in app.button if button.key and button.key.startswith("box-")]
    assert boxes[0] == "**60** series found"
    assert "**52** series with a category" in boxes
    assert "2 · Too thick" in boxes
    by_category = {
        c.value: sum(bool(r.assessment and r.assessment.category is c) for r in build_cohort(60)) for c in CLASSES
    }
    assert {f"**{count}** {words}" for words, count in by_category.items()} <= set(boxes)


def test_every_box_of_the_flow_opens_as_many_series_as_it_says(filled_store: Path, open_page: Open) -> None:
    app = open_page(filled_store, "pages/exclusions.py")
    boxes = {
        b.key: int(b.label.strip("*").split()[0].strip("*")) for b in app.button if b.key and b.key.startswith("box-")
    }
    assert len(boxes) > 8
    for key, count in boxes.items():
        if count:
            app.button(key=key).click().run()
            assert not app.exception
            assert len(app.dataframe[0].value) == count, key


def test_a_reason_opens_its_series(filled_store: Path, open_page: Open) -> None:
    app = open_page(filled_store, "pages/exclusions.py", box="left out: find: too_thick")
    rows = app.dataframe[0].value
    assert len(rows) == 2
    assert set(rows["sentence"]) == {"Slices are 7.5 mm thick; at most 5 mm can be measured."}


def test_a_box_that_does_not_exist_opens_nothing(filled_store: Path, open_page: Open) -> None:
    app = open_page(filled_store, "pages/exclusions.py", box="left out: nowhere")
    assert not app.exception
    assert len(app.dataframe) == 0


def test_home_offers_to_start_what_waits_and_says_what_stopped(tmp_path: Path, open_page: Open) -> None:
    store = tmp_path / "store"
    store.mkdir()
    found = Found(series=tuple(r.series for r in build_cohort(4)))
    write_parts(store, rows.indexed_tables(found))
    build_store(store, [])
    app = open_page(store)
    assert "**4 series** not yet analyzed" in texts(app)
    assert not app.button(key="run-start").disabled
    given = {"stage": "analyze", "done": 1, "total": 4, "pid": 0}
    (store / "progress.json").write_text(json.dumps(given))
    app.run()
    assert "A run stopped with 3 steps to go" in texts(app)
    assert app.button(key="run-start").label == "Carry on"
    (store / "progress.json").write_text(json.dumps({**given, "pid": os.getpid(), "rate_per_min": 6.0, "eta_s": 30.0}))
    app.run()
    app.button(key="run-pause").click().run()
    assert pause.is_asked(store)
    app.button(key="run-resume").click().run()
    assert not pause.is_asked(store)


def test_limits_stand_with_their_sources(filled_store: Path, open_page: Open) -> None:
    app = open_page(filled_store, "pages/about.py")
    table = app.table[0].value.set_index("Limit")
    assert table.loc["Osteoporosis below", "Value"] == "80 mg/cm³"
    assert "ACR" in table.loc["Osteoporosis below", "Source"]


def test_a_tab_of_about_is_drawn_when_it_is_opened(filled_store: Path, open_page: Open) -> None:
    app = open_page(filled_store, "pages/about.py")
    assert "SHA-256 of the weights" not in texts(app)
    app.session_state["about"] = "Models"
    app.run()
    assert "SHA-256 of the weights" in texts(app)


def test_opening_pages_imports_neither_torch_nor_itkwidgets(filled_store: Path) -> None:
    """Libraries that read CT may be loaded: the reader's screen needs them."""
    code = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "from tests.pages.headless import list_pages_by_app\n"
        "list_pages_by_app()\n"
        "app = AppTest.from_file('app.py', default_timeout=60).run()\n"
        f"for script in {scripts()!r}:\n"
        "    app.switch_page(script).run()\n"
        "    assert not app.exception, script\n"
        "print(sorted({'torch', 'monai', 'itkwidgets', 'itk', 'ipywidgets'} & set(sys.modules)))\n"
    )
    environment = {"OSTEO_STORE": str(filled_store), "OSTEO_NO_DEMO": "1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_follow_up_shows_states_indicators_and_capacity(tmp_path: Path, open_page: Open) -> None:
    build_followed_store(tmp_path / "store", count=80)
    app = open_page(tmp_path / "store", "pages/follow_up.py", expected="40")
    assert not app.error
    numbers = {metric.label: metric.value for metric in app.metric}
    assert int(numbers["Series followed"]) > 5
    table = app.dataframe[0].value
    assert list(table["no"]) == list(range(1, 14))
    assert table["share"].iloc[1] != wording.MISSING
    assert "patients flagged a week" in texts(app)


def test_the_patient_page_takes_notes_and_the_cause_of_a_level_beside_the_suggestion(
    tmp_path: Path, open_page: Open
) -> None:
    result = next(r for r in build_cohort(60) if r.assessment and r.assessment.worst_fracture_grade)
    first, second, *rest = result.measurements
    result = replace(result, measurements=(first, replace(second, endplate_depression=-0.003), *rest))
    store, key = build_store(tmp_path / "store", [result]), result.series.series_key
    app = open_page(store, "pages/patient.py", series=key)
    assert list(app.dataframe[1].value["suggested"])[:2] == ["osteoporotic-looking endplate depression", "no deformity"]
    assert set(app.dataframe[1].value["reader"]) == {wording.MISSING}
    assert str(app.dataframe[1].value["depression"].iloc[1]) == "0", "not -0"
    (origin,) = (html.proto.body for html in app.get("html") if 'class="origin"' in html.proto.body)
    assert f"<dd>{result.series.patient_key}</dd>" in origin, "in full, as 'erase' and 'send' take it"
    app.selectbox(key=f"cause-{key}-class").select(Cause.NON_OSTEOPOROTIC).run()
    assert app.selectbox(key=f"cause-{key}-level").value is Level.L1, "the deformed level comes first"
    app.button(key="cause-note").click().run()
    assert "needs an author" in app.toast[0].value
    app.text_input(key="author-field").set_value("AB").run()
    app.button(key="cause-note").click().run()
    assert "Noted for L1: non-osteoporotic deformity" in app.toast[0].value
    app.button(key="answer-y").click().run()
    fractures = app.dataframe[1].value
    assert list(fractures["reader"])[:2] == ["non-osteoporotic deformity", wording.MISSING]
    assert fractures["by"].iloc[0].startswith("AB, ")
    assert list(fractures["grade"])[:2] == ["grade 2", "none"]
    assert list(app.dataframe[2].value["Noted"]) == ["confirmed", "L1: non-osteoporotic deformity"]


@pytest.fixture(scope="session")
def drift_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scanners, one of them drifting; read-only."""
    folder = tmp_path_factory.mktemp("drift") / "store"
    build_drift_store(folder)
    return folder


def test_drift_tells_the_scanner_that_changed_from_the_other(drift_store: Path, open_page: Open) -> None:
    app = open_page(drift_store, "pages/drift.py")
    assert not app.error
    table = app.dataframe[0].value
    assert list(table["Alarms"] > 0) == [True, False]
    assert table["fat HU"].iloc[0].startswith("▼")
    assert table["muscle HU"].iloc[1] == "in control"
    assert "no table of phantom scans" in texts(app)


def test_a_scanner_with_few_patients_has_a_sentence(filled_store: Path, open_page: Open) -> None:
    app = open_page(filled_store, "pages/drift.py")
    assert not app.error
    assert set(app.dataframe[0].value["vBMD, age-adjusted"]) == {"no chart"}
    table = app.dataframe[0].value
    assert table["Series"].sum() == 52
    assert (table["Compared"] <= table["Series"]).all()
    first = table.iloc[0]
    assert f"{first['Compared']} of {first['Series']} can so far, {201 - first['Compared']} more are needed" in texts(
        app
    )


def test_equity_shows_all_groups_with_intervals(filled_store: Path, open_page: Open) -> None:
    app = open_page(filled_store, "pages/equity.py")
    assert not app.error
    by_sex = app.dataframe[1].value
    assert list(by_sex["Sex"]) == ["women (F)", "men (M)"]
    assert all("(" in share for share in by_sex["Measured, of scanned"])
    assert list(app.dataframe[0].value["Site"]) == ["unknown"]


@pytest.mark.parametrize("by", ["Vendor", "Scanner", "Site", "Period", "Age band"])
def test_prevalence_by_every_group(filled_store: Path, open_page: Open, by: str) -> None:
    app = open_page(filled_store, "pages/prevalence.py", by=by)
    assert not app.error
    table = app.dataframe[0].value
    assert by in table
    assert table["n"].sum() == 52
    assert [one.value for one in app.subheader] == ["Distribution"]
    if by != "Age band":
        assert table["standardised"].iloc[0].startswith("fewer than 10 people aged")


def test_agreement_shows_every_figure(filled_store: Path, open_page: Open) -> None:
    app = open_page(filled_store, "pages/agreement.py")
    figures = set(app.dataframe[1].value["Figure"])
    assert figures >= {
        "ICC(2,1)",
        "Lin's concordance",
        "Kappa, quadratic weights",
        "ROC area for osteoporosis",
        "Sensitivity for osteoporosis",
        "Passing-Bablok, slope",
        "Deming, intercept, mg/cm³",
        "Proportional bias, slope",
        "Bias, mg/cm³",
        "RMSE, mg/cm³",
        "MAE, mg/cm³",
    }
    counts = app.dataframe[2].value.drop(columns="QCT")
    assert counts.to_numpy().sum() == 52


def test_sites_carry_the_names_of_the_site_table(
    tmp_path: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSTEO_KEY_FILE", str(tmp_path / "key"))
    pseudonyms = Pseudonyms.from_key_file(tmp_path / "key")
    (tmp_path / "sites.csv").write_text("what,value,site\nstation,CT1,North clinic\n")
    monkeypatch.setenv("OSTEO_SITE_TABLE", str(tmp_path / "sites.csv"))
    keys = (pseudonyms.site("NORTH CLINIC"), pseudonyms.site("ANOTHER"))
    results = [replace(r, series=replace(r.series, site_key=keys[n % 2])) for n, r in enumerate(build_cohort(24))]
    app = open_page(build_store(tmp_path / "store", results), "pages/equity.py")
    assert set(app.dataframe[0].value["Site"]) == {"North clinic", f"site {keys[1][:6]}"}


def test_levels_without_a_qct_value_do_not_say_that_no_patient_has_one(filled_store: Path, open_page: Open) -> None:
    shown = texts(open_page(filled_store, "pages/agreement.py", unit="Single levels"))
    assert "No level used in this filter has a QCT value of its own" in shown
    assert "No measured patient in this filter" not in shown

"""The report on a signed read: refused before, complete and escaped after; one page without external resources."""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path

import pytest

from osteo_core.dicom.who import Who
from osteo_core.errors import UsageError
from osteo_core.programme.cause import Cause
from osteo_core.review.decisions import Decisions, LeftOut, Reason
from osteo_core.review.reads import Role, Verdict
from osteo_core.terms import Level
from pages.ui import services
from pages.ui.patient import report
from pages.ui.services import review, review_case
from pages.ui.shared import wording
from tests.builders.reading import LEVELS, LOWERED, ReadingCase, build_followed_store
from tests.pages.services.test_review import drawn, signature

WORDS = "Old fracture & <script>alert(1)</script> of T8 known since 2019."


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[ReadingCase]]:
    folder = tmp_path_factory.mktemp("report")
    return folder / "store", build_followed_store(folder, LOWERED, dict.fromkeys(LEVELS, 140.0))


@pytest.fixture
def store(built, in_store, tmp_path: Path) -> Path:
    """A separate store for each test, since signatures are permanent."""
    shutil.copytree(built[0], tmp_path / "store")
    in_store(tmp_path / "store")
    return tmp_path / "store"


def view_of(case: ReadingCase) -> services.PatientView:
    return services.model_view(services.patient(case.key))


def text_of(page: bytes) -> str:
    body = page.decode().split("<body>")[1]
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)))


def sign_corrected(case: ReadingCase) -> services.PatientView:
    view = view_of(case)
    saved = review.save_mask(review.open_ticket(view, reader="AB", base=view.model_hash), drawn(view))
    left_out = {Level.L2: Reason(why=LeftOut.METAL, words="screw")}
    decisions = Decisions(left_out=left_out, causes={Level.L3: Cause.NON_OSTEOPOROTIC})
    given = {"verdict": Verdict.CORRECT, "version": saved.version, "words": WORDS, "decisions": decisions}
    review.sign(view, signature(view, "AB", Role.FIRST, **given))
    return view


def test_a_report_needs_a_signed_read(store: Path, built) -> None:
    view = view_of(built[1][0])
    with pytest.raises(UsageError, match="from a signed read, and nobody has signed this series; sign it first"):
        report.report_html(view.series_key, seen_by=None)
    review.save_mask(review.open_ticket(view, reader="AB", base=view.model_hash), drawn(view))
    with pytest.raises(UsageError, match="the outlines are a draft; sign it first"):
        report.report_html(view.series_key, seen_by=None)
    with pytest.raises(UsageError, match="holds no such series"):
        report.report_html("0" * 16, seen_by=None)


def test_it_waits_for_the_adjudicator_where_two_readers_disagree(store: Path, built) -> None:
    view = sign_corrected(built[1][0])
    review.sign(view, signature(view, "CD", Role.SECOND))
    with pytest.raises(UsageError, match="once an adjudicator has signed"):
        report.report_html(view.series_key, seen_by=None)
    review.sign(view, signature(view, "EF", Role.ADJUDICATOR))
    assert "EF, adjudicator" in text_of(report.report_html(view.series_key, seen_by=None))


def test_it_holds_what_was_signed_and_nothing_else(store: Path, built) -> None:
    view = sign_corrected(built[1][0])
    page = report.report_html(view.series_key, seen_by=None)
    text, read = text_of(page), services.reading(view.series_key).counts
    assert "<script>" not in page.decode()
    assert WORDS in text
    for words in (
        "not a medical device".capitalize(),
        "Simulated patient",
        "corrected by AB, first reader",
        "L1 taken out",
        "L2 left out: metal, screw",
        "osteoporosis below 80, normal above 120",
        view.measuring_version,
        read.version[:16],
        read.model_hash[:16],
        read.settings_hash,
        wording.short_key(view.patient_key),
        Cause.NON_OSTEOPOROTIC.value,
    ):
        assert words in text, words
    for level, one in read.summary.levels.items():
        assert level.name in text
        if one.vbmd_mg_cm3:
            assert wording.interval(*one.vbmd_mg_cm3) in text
    assert view.patient_key not in text
    assert page.count(b"<path") == len(read.summary.levels)
    assert b"data:image/png;base64," in page
    assert not re.findall(rb"https?://|src=[\"'](?!data:)", page)
    assert str(built[1][0].result.series.files[0].parent) not in page.decode()


def test_the_earlier_study_is_in_it_and_a_name_only_where_it_was_revealed(store: Path, built) -> None:
    view = view_of(built[1][0])
    review.sign(view, signature(view, "AB", Role.FIRST))
    text = text_of(report.report_html(view.series_key, seen_by=None))
    assert "since 20 Apr 2025: mean vBMD lower by" in text
    assert "nothing: the program's result was accepted" in text
    who = Who(
        patient_id="P-1",
        name="Mueller, <b>Anna</b>",
        birth_date="1 May 1950",
        accession="",
        referring_physician="",
        study_instance_uid="1",
    )
    named = report.report_html(view.series_key, who=who, seen_by=None)
    assert "Mueller" not in text
    assert "Mueller, <b>Anna</b>, born 1 May 1950, number P-1" in text_of(named)
    assert b"<b>Anna" not in named


def test_a_rejected_read_has_no_number(store: Path, built) -> None:
    view = view_of(built[1][0])
    review.sign(view, signature(view, "AB", Role.FIRST, verdict=Verdict.REJECT, words="motion"))
    text = text_of(report.report_html(view.series_key, seen_by=None))
    assert "No value: the reader rejected the measurement" in text
    assert "motion" in text
    assert "(95 % interval)" not in text


def test_without_its_ct_it_says_so_and_stands(store: Path, built, monkeypatch: pytest.MonkeyPatch) -> None:
    view = view_of(built[1][0])
    review.sign(view, signature(view, "AB", Role.FIRST))
    review_case._cases.clear()
    shutil.rmtree(store / "pictures")

    def gone(*_: object, **__: object) -> None:
        raise UsageError("1 of 1 source files are not where they were")

    monkeypatch.setattr(review_case.review_files, "ensure", gone)
    text = text_of(report.report_html(view.series_key, seen_by=None))
    assert "No picture: 1 of 1 source files are not where they were." in text


def test_it_is_one_page_of_pdf(store: Path, built) -> None:
    if services.find_browser() is None:
        pytest.skip("printing needs Chromium: apt-get install chromium")
    view = sign_corrected(built[1][0])
    page = report.report_html(view.series_key, seen_by=None)
    long = page.replace(b"known since 2019.", b"known since 2019. " + 40 * b"More words of the reader. ")
    assert len(long) > len(page) + 1000
    for printed in (report.report_pdf(view.series_key, seen_by=None), services.print_pdf(long)):
        assert printed.startswith(b"%PDF-")
        assert len(re.findall(rb"/Type\s*/Page[^s]", printed)) == 1

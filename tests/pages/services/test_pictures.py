"""Pictures and the printed report: each file is of its stated type, and contains no patient's key."""

from __future__ import annotations

import io
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import plotly.graph_objects as go
import pytest
from PIL import Image

from osteo_core.errors import PictureError
from osteo_core.terms import Category
from pages.ui import services
from pages.ui.export import report
from pages.ui.export.report_figures import WIDTH_PX, about, for_print, picture_of, report_figures
from pages.ui.services import chromium, pictures
from tests.builders.cohort import MODEL_HASH, build_cohort
from tests.builders.store import build_store

EVERYBODY = services.CohortFilter()

needs_browser = pytest.mark.skipif(chromium.find_browser() is None, reason=chromium.INSTALL)


@pytest.fixture(autouse=True)
def store(filled_store: Path, in_store: Callable[[Path], None]) -> None:
    in_store(filled_store)


@pytest.fixture(scope="module", autouse=True)
def one_browser() -> Iterator[None]:
    yield
    pictures.close_pictures()


def letters(svg: bytes) -> str:
    """All text of an SVG."""
    root = ElementTree.fromstring(svg)
    return " ".join(" ".join(element.itertext()) for element in root.iter() if element.tag.endswith("text"))


def test_the_counts_beside_a_figure_add_up(tmp_path: Path, in_store: Callable[[Path], None]) -> None:
    results = build_cohort(60)
    first = next(n for n, one in enumerate(results) if one.assessment)
    without = replace(results[first].assessment, mean_vbmd_mg_cm3=None, category=Category.NOT_REPORTABLE)
    results[first] = replace(results[first], assessment=without)
    in_store(build_store(tmp_path / "store", results))
    assert "8 series excluded, 0 failed, 1 measured without vBMD, of 60" in about(EVERYBODY, seen_by=None)
    assert "n = 51 series" in next(
        one.words for one in report_figures(EVERYBODY, seen_by=None) if one.name == "bone_density"
    )


@needs_browser
def test_each_figure_is_an_svg_that_says_n_exclusions_versions_and_simulated() -> None:
    beside = about(EVERYBODY, seen_by=None)
    names = []
    for one in report_figures(EVERYBODY, seen_by=None):
        svg = picture_of(one, beside, "svg")
        said = letters(svg)
        for words in (one.title, "n = ", "8 series excluded, 0 failed", MODEL_HASH[:12], "published line", "simulated"):
            assert words in said, (one.name, words)
        assert "Research use only" in said
        for result in build_cohort(60):
            assert result.series.patient_key.encode() not in svg
            assert result.series.series_key.encode() not in svg
        names.append(one.name)
    assert names == [
        "bone_density",
        "prevalence_by_sex",
        "prevalence_by_age_band",
        "prevalence_by_vendor",
        "agreement_scatter",
        "agreement_bland_altman",
    ]


@needs_browser
def test_a_png_has_the_size_that_was_asked_for() -> None:
    one = report_figures(EVERYBODY, seen_by=None)[0]
    picture = Image.open(io.BytesIO(picture_of(one, about(EVERYBODY, seen_by=None), "png")))
    height = for_print(one, about(EVERYBODY, seen_by=None)).layout.height
    assert picture.size == (pictures.PNG_SCALE * WIDTH_PX, pictures.PNG_SCALE * height)
    assert len(set(picture.convert("L").resize((90, 60)).tobytes())) > 20, "the picture is blank"


@needs_browser
def test_the_browser_is_kept_and_a_lost_one_is_started_anew() -> None:
    figure = go.Figure(go.Scatter(x=[1, 2], y=[3, 4]))
    pictures.picture(figure, "svg", width=300, height=200)
    kept = pictures._artist
    began = time.perf_counter()
    pictures.picture(figure, "svg", width=300, height=200)
    assert pictures._artist is kept
    assert time.perf_counter() - began < 20  # on a busy machine; a start takes longer there
    assert kept is not None
    kept._kaleido.subprocess.kill()  # as the system does if memory is short
    kept._kaleido.subprocess.wait()
    with pytest.raises(PictureError, match="could not be drawn"):
        pictures.picture(figure, "svg", width=300, height=200)
    assert pictures.picture(figure, "svg", width=300, height=200).startswith(b"<svg")


@needs_browser
def test_the_printed_report_is_a_pdf_with_pages_and_pictures() -> None:
    printed = report.report_pdf(EVERYBODY, seen_by=None)
    assert printed.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) >= 2
    streams = re.findall(rb"stream\r?\n(.*?)endstream", printed, re.DOTALL)
    assert sum(len(_inflated(s)) for s in streams) > 20_000


def _inflated(stream: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(stream)
    except zlib.error:
        return stream


def test_without_a_browser_pictures_say_what_to_install_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "nowhere"))
    assert services.find_browser() is None
    pictures.close_pictures()
    with pytest.raises(PictureError, match="apt-get install chromium"):
        services.picture(go.Figure(), "svg", width=10, height=10)
    with pytest.raises(PictureError, match="apt-get install chromium"):
        report.report_pdf(EVERYBODY, seen_by=None)
    assert b"All patients are simulated." in report.report_html(EVERYBODY, seen_by=None)


def test_a_browser_that_does_not_start_leaves_no_thread_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER_PATH", "/bin/false")
    pictures.close_pictures()
    with pytest.raises(PictureError, match="try again"):
        services.picture(go.Figure(), "svg", width=10, height=10)
    assert not [thread for thread in threading.enumerate() if thread.name == "pictures"]


def test_the_browser_is_looked_for_in_its_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = tmp_path / "chromium-1234" / "chrome-linux" / "chrome"
    own.parent.mkdir(parents=True)
    own.write_text("")
    own.chmod(0o755)
    monkeypatch.delenv("BROWSER_PATH", raising=False)
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert chromium.find_browser() == str(own)
    own.unlink()
    on_path = tmp_path / "google-chrome"
    on_path.write_text("#!/bin/sh\n")
    on_path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert chromium.find_browser() == str(on_path)
    monkeypatch.setenv("BROWSER_PATH", str(on_path))
    assert chromium.find_browser() == str(on_path)


def test_a_browser_that_prints_nothing_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    silent = tmp_path / "chromium"
    silent.write_text("#!/bin/sh\nexit 1\n")
    silent.chmod(0o755)
    monkeypatch.setenv("BROWSER_PATH", str(silent))
    with pytest.raises(PictureError, match="ended without a PDF"):
        chromium.print_pdf(b"<!doctype html><p>x</p>")

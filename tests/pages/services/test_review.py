"""Masks and signatures of a reader: refused with a sentence and not stored, or stored beside the model's results."""

from __future__ import annotations

import gzip
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
import uvicorn
from starlette.applications import Starlette

from osteo_core.errors import UsageError
from osteo_core.imaging.nifti import read_nifti_labels
from osteo_core.review import pictures
from osteo_core.review.decisions import Decisions
from osteo_core.review.reads import ReadingStatus, Role, Verdict
from osteo_core.terms import Category, Level
from pages.ui import services
from pages.ui.services import review, review_case, review_files
from pages.ui.services.review import Signature
from pages.ui.services.store_holder import StoreHolder
from pages.ui.viewer import review_routes
from pages.ui.viewer.review_routes import review_address
from tests.builders.reading import ReadingCase, build_reading_store


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[ReadingCase]]:
    folder = tmp_path_factory.mktemp("reading")
    return folder / "store", build_reading_store(folder)


@pytest.fixture
def views(built, in_store) -> list[services.PatientView]:
    in_store(built[0])
    return [services.model_view(services.patient(case.key)) for case in built[1]]


def drawn(view: services.PatientView, *, without: Level | None = Level.L1) -> bytes:
    case = review_case.case_of(view)
    labels = np.array(case.model.labels)
    if without is not None:
        labels[labels == without] = 0
    ras = np.diag([-1.0, -1, 1, 1]) @ case.volume.geometry.affine_lps
    return gzip.compress(nibabel.Nifti1Image(labels, ras).to_bytes())


def signature(view: services.PatientView, reader: str, role: Role, **changed) -> Signature:
    seen = services.reading(view.series_key).seen_as(role)  # as on a page opened just now
    given = {"verdict": Verdict.ACCEPT, "version": view.model_hash, "decisions": Decisions(), "seen": seen, **changed}
    return Signature(role=role, reader=reader, **given)


def stored(store: Path) -> tuple[int, int]:
    events = len(list(store.glob("parts/events/*/*"))) + len(list(store.glob("inbox/events-*")))
    return events, len(list(store.glob("media/*_reader.nii.gz")))


def test_what_is_refused_leaves_nothing(built, views) -> None:
    store, view, other = built[0], views[0], views[1]
    before = stored(store)
    named = review.open_ticket(view, reader="AB", base=view.model_hash)
    for token, content, words in (
        (named, b"rubbish", "arrived damaged"),
        (named, drawn(view, without=None), "already stored"),
        (review.open_ticket(view, reader="", base=view.model_hash), drawn(view), "needs its reader"),
        (review.open_ticket(view, reader="AB", base="0" * 12 + "x"), drawn(view), "no longer in the store"),
        ("no such word", drawn(view), "was restarted"),
        (
            review.open_ticket(replace(view, result_id="0" * 12), reader="AB", base=view.model_hash),
            drawn(view),
            "again",
        ),
    ):
        with pytest.raises(UsageError, match=words):
            review.save_mask(token, content)
    with pytest.raises(UsageError, match="written reason"):
        review.sign(other, signature(other, "AB", Role.FIRST, verdict=Verdict.REJECT))
    with pytest.raises(UsageError, match="has measured this series again"):
        review.sign(replace(other, result_id="0" * 12), signature(other, "AB", Role.FIRST))
    with pytest.raises(UsageError, match="no longer holds this series: its patient was erased"):
        review.sign(replace(other, series_key="f" * 64), signature(other, "AB", Role.FIRST))
    with pytest.raises(UsageError, match="no longer in the store"):
        review.sign(other, signature(other, "AB", Role.FIRST, version="../../etc/pw"))
    assert stored(store) == before


class Killed(BaseException):
    """Simulates the end of the process."""


def test_a_read_that_a_kill_left_without_its_signature_counts_for_nothing(views, monkeypatch) -> None:
    view = views[0]
    given = signature(view, "AB", Role.FIRST, verdict=Verdict.REJECT, words="moved")

    def kill(*_: object) -> bool:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(StoreHolder, "record", kill)
        with pytest.raises(Killed):
            review.sign(view, given)
    review.store_holder().take_in()
    current = services.patient(view.series_key)
    assert (current.category, current.is_read) == (Category.OSTEOPOROSIS, False)
    assert services.model_view(current).model_hash == view.model_hash
    assert services.reading(view.series_key).reads == ()


def test_a_correction_is_signed_counts_and_a_second_reader_is_blind(built, views) -> None:
    view = views[0]
    token = review.open_ticket(view, reader="AB", base=view.model_hash)
    saved = review.save_mask(token, drawn(view))
    assert (saved.before.category, saved.after.category) == (Category.OSTEOPOROSIS, Category.LOW_BONE_MASS)
    assert services.reading(view.series_key).status is ReadingStatus.DRAFT
    with pytest.raises(UsageError, match="drawn on an outdated version"):  # another window of the same reader
        review.save_mask(token, drawn(view, without=Level.L2))
    with pytest.raises(UsageError, match="no longer the latest"):
        review.sign(view, signature(view, "AB", Role.FIRST))

    with pytest.raises(UsageError, match="and here the outlines are corrected; sign it as corrected"):
        review.sign(view, signature(view, "AB", Role.FIRST, version=saved.version))
    review.sign(view, signature(view, "AB", Role.FIRST, verdict=Verdict.CORRECT, version=saved.version))
    current = services.patient(view.series_key)
    assert (current.category, current.is_read) == (Category.LOW_BONE_MASS, True)
    assert current.mean_vbmd_mg_cm3.value == pytest.approx(saved.after.mean_mg_cm3[0])
    model = services.model_view(current)
    assert (model.category, model.model_hash, model.is_read) == (Category.OSTEOPOROSIS, view.model_hash, False)
    assert (built[0] / "media" / f"{view.series_key}_{saved.version}_mask.nii.gz").is_file()
    assert services.cohort_numbers(seen_by=None).flagged == 1

    second = review.sign(view, signature(view, "CD", Role.SECOND))
    assert second.is_blind
    assert second.dice[Level.L1] == 0
    assert services.reading(view.series_key).status is ReadingStatus.AT_ODDS
    assert services.patient(view.series_key).category is Category.LOW_BONE_MASS
    with pytest.raises(UsageError, match="must not be one of them"):
        review.sign(view, signature(view, "AB", Role.ADJUDICATOR, version=saved.version))
    review.sign(view, signature(view, "EF", Role.ADJUDICATOR))
    assert services.patient(view.series_key).category is Category.OSTEOPOROSIS


def test_corrected_outlines_have_regions_and_lines_of_their_own(built, views) -> None:
    view = views[0]
    version = next(mask.version for mask in services.reading(view.series_key).masks)
    found = services.screen_files(view, version)
    own = f"{view.series_key}_{version}"
    roi, _ = read_nifti_labels(review_files.wait_for(found["roi"], own))
    lines = json.loads(review_files.wait_for(found["lines"], own).read_text())
    assert set(np.unique(roi)) == {0, Level.T12, Level.L2, Level.L3}
    assert {line["level"] for line in lines} == {Level.T12, Level.L2, Level.L3}
    model = services.screen_files(view, view.model_hash)
    assert model["roi"] != found["roi"]
    assert model["tissue"] == found["tissue"], "the tissues stay those of the model's result"


def test_pictures_of_an_older_version_without_tissues_are_shown_when_the_source_is_gone(views, in_store) -> None:
    view = views[1]
    files = services.screen_files(view, view.model_hash)
    tissue = review_files.wait_for(files["tissue"], review_files.stem_of(view))
    review_files.ensure(tissue.parent, view, mask=None, kind=pictures.CONTEXT)
    tissue.unlink()
    source = view.files[0]
    away = source.rename(source.with_name("away.nii.gz"))
    try:
        found = services.screen_files(view, view.model_hash)
    finally:
        away.rename(source)
    assert set(files) - set(found) == {"tissue"}
    assert all(path.is_file() for path in found.values())


def test_a_rejection_leaves_the_count(views) -> None:
    view = views[1]
    review.sign(view, signature(view, "AB", Role.FIRST, verdict=Verdict.REJECT, words="motion"))
    current = services.patient(view.series_key)
    assert current.status == "excluded"
    assert current.exclusions == ("The reader rejected this measurement: motion.",)


def test_a_window_that_shows_an_older_read_cannot_replace_a_newer_one(built, views) -> None:
    view = views[1]
    stale = signature(view, "AB", Role.FIRST, words="from the window that was left open")
    newer = review.sign(view, signature(view, "AB", Role.FIRST, verdict=Verdict.REJECT, words="motion"))
    before = stored(built[0])
    with pytest.raises(UsageError, match=r"is no longer the latest: rejected was signed on .* UTC; reload the page"):
        review.sign(view, stale)
    assert stored(built[0]) == before
    assert services.reading(view.series_key).counts.event_id == newer.event_id
    review.sign(view, replace(stale, seen={Role.FIRST.value: newer.event_id}, verdict=Verdict.REJECT))


def test_of_two_readers_who_sign_at_once_one_signs_and_the_other_is_told(built, views) -> None:
    view, before = views[1], stored(built[0])[0]

    def signing(reader: str) -> str:
        try:
            review.sign(view, signature(view, reader, Role.SECOND))
        except UsageError as refused:
            return str(refused)
        return "signed"

    with ThreadPoolExecutor(2) as both:
        answers = sorted(both.map(signing, ("CD", "EF")))
    assert answers[0].startswith("another reader signed as second reader on ")
    assert answers[1] == "signed"
    assert stored(built[0])[0] == before + 1


@pytest.fixture
def address() -> Iterator[str]:
    """The routes on a separate server."""
    app = Starlette(routes=list(review_routes.review_routes()))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)


def ask(url: str, body: bytes | None = None) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


def ask_at_length(url: str, body: bytes) -> tuple[int, bytes]:
    """The same for a body refused before its end: the connection may be closed before the answer is read."""
    for _ in range(5):
        try:
            return ask(url, body)
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionError):
                raise
    raise AssertionError("the answer was never read")


def test_the_addresses_need_a_signature_and_answer_in_sentences(address: str, views) -> None:
    view = views[1]
    token = review.open_ticket(view, reader="AB", base=view.model_hash)
    save, measure = (address + review_address(token, what) for what in ("save", "measure"))
    assert ask(f"{address}/api/review/{token}/save", b"x")[0] == 403
    code, said = ask(save, b"x")
    assert (code, b"arrived damaged" in said) == (409, True)
    assert b"too much for a mask" in ask_at_length(save, bytes(33_000_000))[1]
    for body in (b"[]", b"{", b'{"grades": {"20": 9}}', b'{"version": "../../x"}'):
        code, said = ask(measure, body)
        assert code == 409, body
        assert json.loads(said)["problem"]
    code, said = ask(measure, json.dumps({"version": view.model_hash, "grades": {"21": 2}}).encode())
    assert (code, json.loads(said)["after"]["worst_grade"]) == (200, 2)
    assert ask(f"{address}/api/picture/0_1_ct.nii.gz")[0] == 403
    assert ask(address + review_routes.script_address("screen.js"))[0] == 200
    assert ask(f"{address}/api/reader/x/..%2Freader.py")[0] == 404

"""A reader's actions on one series: saving outlines, measuring again, signing reads."""

from __future__ import annotations

import secrets
import threading
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from db.events import record
from db.parts import write_parts
from db.rows import result_tables
from osteo_core.errors import UsageError
from osteo_core.imaging.nifti import write_nifti
from osteo_core.records import Event, LabelArray, SeriesResult
from osteo_core.review import read_events
from osteo_core.review.accepting import acceptable_reads, check_acceptance, corrected
from osteo_core.review.decisions import Decisions
from osteo_core.review.mask import changes_between, mask_hash, read_sent_mask, released
from osteo_core.review.reads import Read, Reading, Role, SavedMask, Verdict, check_signature, pairs_of
from osteo_core.review.remeasure import ReviewCase, reject, remeasure
from osteo_core.review.shown import to_source
from osteo_core.review.summary import Summary, summary_of
from osteo_core.terms import Level
from osteo_core.whole_files import writing
from pages.ui.services.patients import model_summary, model_view, patient
from pages.ui.services.records import PatientView
from pages.ui.services.review_case import case_of, labels_of, measured, reader_mask
from pages.ui.services.running_app import media_dir, moment, query, settings, store_holder
from pages.ui.services.store_holder import refusals_in_words

#: Maximum number of screens that may send a mask; the oldest is dropped first.
_TICKETS = 500


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """One reader viewing one series: what a signed address stands for, so that it contains no name."""

    view: PatientView
    reader: str
    base: str


@dataclass(frozen=True, kw_only=True)
class Saved:
    """Result of saving: the version, and the values before and after."""

    version: str
    before: Summary
    after: Summary


_tickets: OrderedDict[str, Ticket] = OrderedDict()
_tickets_lock = threading.Lock()
#: Check and write are one step: two readers who save or sign at once are handled one after the other.
_writing_lock = threading.Lock()


def reading(series_key: str, *, until: datetime | None = None) -> Reading:
    """The readings of this series so far, or until that moment."""
    return read_events.reading_of(_events(series_key), until=until)


def reader_pairs() -> tuple[tuple[Read, Read], ...]:
    """First and second read of every series of this store with both."""
    by_series: dict[str, list[Event]] = {}
    for row in query("signed_reads").to_pylist():
        by_series.setdefault(row["series_key"], []).append(Event(**row))
    return pairs_of([read_events.reading_of(events) for events in by_series.values()])


def _events(series_key: str) -> list[Event]:
    return [Event(**row) for row in query("review_events", series_key=series_key).to_pylist()]


def open_ticket(view: PatientView, *, reader: str, base: str) -> str:
    """A token for a signed address to which this reader sends outlines drawn on ``base``."""
    wanted = (view.series_key, view.result_id, reader, base)
    with _tickets_lock:
        for token, ticket in _tickets.items():
            if (ticket.view.series_key, ticket.view.result_id, ticket.reader, ticket.base) == wanted:
                return token
        token = secrets.token_hex(12)
        _tickets[token] = Ticket(view=view, reader=reader, base=base)
        while len(_tickets) > _TICKETS:
            _tickets.popitem(last=False)
    return token


def ticket_of(token: str) -> Ticket:
    """The ticket of a token. Raises UsageError if the app was restarted since."""
    with _tickets_lock:
        if token not in _tickets:
            raise UsageError("the app was restarted after this page was opened; reload it, what you drew is kept")
        _tickets.move_to_end(token)  # active readers keep theirs
        return _tickets[token]


def ticket_reader(token: str) -> str:
    """The reader of a token, '' if the token is unknown."""
    return _tickets[token].reader if token in _tickets else ""


def save_mask(token: str, content: bytes) -> Saved:
    """Check, store and measure the outlines sent by a browser; nothing is stored if a check fails.

    Raises UsageError with one sentence.
    """
    ticket = ticket_of(token)
    view = ticket.view
    if not ticket.reader.strip():
        raise UsageError("a correction needs its reader: type your name or initials, or sign in")
    _check_owner()
    _check_current(view)
    case = case_of(view)
    labels = read_sent_mask(content, case.volume.geometry)
    version = mask_hash(labels, case.volume.geometry)
    before = measured(view, ticket.base)
    if np.array_equal(labels, labels_of(view, ticket.base)):
        raise UsageError("these outlines are already stored; nothing new was saved")
    result = remeasure(case, labels, Decisions(), settings=settings())
    changes = changes_between(case.model.labels, labels)
    with _writing_lock:
        _check_latest(view, ticket)
        with refusals_in_words():
            _store_mask(view, version, labels, case)
        saved = SavedMask(
            version=version,
            base=ticket.base,
            reader=ticket.reader,
            at=moment(),
            model_hash=view.model_hash,
            dice={change.level: change.dice for change in changes},
            summary=summary_of(result),
        )
        ids = {"event_id": uuid.uuid4().hex, "series_key": view.series_key}
        store_holder().record(read_events.saved_event(saved, **ids, settings_hash=settings().hash))
    return Saved(version=version, before=before, after=saved.summary)


def _check_latest(view: PatientView, ticket: Ticket) -> None:
    if ticket.base not in reading(view.series_key).versions_to_go_on(ticket.reader, view.model_hash):
        raise UsageError(
            "these outlines were drawn on an outdated version: someone saved from another window; "
            "reload the page, what you drew is kept in this browser"
        )


def _store_mask(view: PatientView, version: str, labels: LabelArray, case: ReviewCase) -> None:
    """Store the mask beside the model's, completely or not at all; the same outlines twice are one file."""
    to_source(labels, case.volume.geometry, case.source_geometry)  # refuses a mask off the source's voxel grid
    path = reader_mask(view.series_key, version)
    if not path.is_file():
        with writing(path) as temporary:
            write_nifti(temporary, labels, case.volume.geometry)


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What a reader signs: verdict, role, on which outlines, decisions, and words.

    ``seen``: the signatures in force when the reader's page was opened (``Reading.seen_as``).
    """

    verdict: Verdict
    role: Role
    version: str
    reader: str
    decisions: Decisions
    words: str = ""
    seen: Mapping[str, str] = field(default_factory=dict)


def sign(view: PatientView, given: Signature) -> Read:
    """Sign a read. Raises UsageError if it may not be signed; then nothing is stored."""
    _check_owner()
    _check_current(view)
    if given.verdict is Verdict.REJECT and not given.words.strip():
        raise UsageError("a rejection needs a written reason")
    case, labels = case_of(view), labels_of(view, given.version)
    if given.verdict is Verdict.REJECT:
        result = reject(case, labels, given.words, settings=settings())
    else:
        result = remeasure(case, labels, given.decisions, settings=settings())
    with _writing_lock:
        store_holder().take_in()  # openings of this second count too
        so_far = reading(view.series_key)
        allowed = so_far.versions_to_go_on(given.reader, view.model_hash)
        check_signature(
            so_far, reader=given.reader, role=given.role, version=given.version, allowed=allowed, seen=given.seen
        )
        if given.verdict is Verdict.ACCEPT:
            _check_acceptance(view, given, so_far)
        read = Read(
            verdict=given.verdict,
            role=given.role,
            version=given.version,
            reader=given.reader.strip(),
            at=moment(),
            model_hash=view.model_hash,
            settings_hash=settings().hash,
            summary=summary_of(result),
            decisions=given.decisions,
            words=given.words,
            is_blind=given.role is Role.SECOND and not so_far.has_seen(given.reader),
            dice=_dice_with_first(view, so_far, labels) if given.role is Role.SECOND else {},
            event_id=uuid.uuid4().hex,
        )
        event = read_events.signed_event(read, event_id=read.event_id, series_key=view.series_key)
        if given.role is not Role.SECOND:  # a second read is compared with the first, and does not take its place
            with refusals_in_words():
                _store_result(view, case, replace(result, is_read=True, finished_at=read.at))
        store_holder().record(event)
    return read


def _check_acceptance(view: PatientView, given: Signature, so_far: Reading) -> None:
    changed = corrected(
        given.version,
        given.decisions,
        model_version=view.model_hash,
        program=model_summary(view),
        phase=view.contrast_phase,
    )
    check_acceptance(given.version, given.decisions, corrected=changed, acceptable=acceptable_reads(so_far, given.role))


def _store_result(view: PatientView, case: ReviewCase, result: SeriesResult) -> None:
    """Store the signed result as parts, its mask first; it counts once its signature is in the store too
    (db/views.sql).
    """
    name = f"{view.series_key}_{result.model_hash}_mask.nii.gz"
    if result.segmentation is not None and not (media_dir() / name).is_file():
        labels = to_source(result.segmentation.labels, case.volume.geometry, case.source_geometry)
        with writing(media_dir() / name) as temporary:
            write_nifti(temporary, released(labels), case.source_geometry)
    write_parts(store_holder().store_dir, result_tables(result))


def _dice_with_first(view: PatientView, so_far: Reading, labels: LabelArray) -> dict[Level, float]:
    first = so_far.by(Role.FIRST)
    if first is None:
        return {}
    return {change.level: change.dice for change in changes_between(labels_of(view, first.version), labels)}


def note_opened(series_key: str, *, reader: str, shows_read: bool, version: str) -> None:
    """Note that a reader opened this series; it is taken in within a second."""
    event = read_events.opened_event(
        event_id=uuid.uuid4().hex,
        series_key=series_key,
        reader=reader,
        at=moment(),
        shows_read=shows_read,
        version=version,
    )
    with refusals_in_words():
        record(store_holder().store_dir, event)


def _check_current(view: PatientView) -> None:
    """Raise UsageError if the store no longer holds the series, or the program has measured it again since the page was
    opened.
    """
    now = patient(view.series_key)
    if now is None:
        raise UsageError(
            "this store no longer holds this series: its patient was erased, or its files now belong to other series; "
            "nothing was stored"
        )
    if model_view(now).result_id != view.result_id:
        raise UsageError(
            "the program has measured this series again since the page was opened; reload it, what you drew is kept in "
            "this browser"
        )


def _check_owner() -> None:
    if not store_holder().is_owner:
        raise UsageError("another process owns the store just now; wait until it is done, then save again")

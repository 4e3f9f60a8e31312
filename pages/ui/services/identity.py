"""Finds patients by their own numbers, by keyed hash; and reveals an identity, from the source header on request.

If the source files are gone, the optional encrypted table beside the site's key is used (keep_identities).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from db.columns import path_of
from db.identities import kept_of
from db.key import pseudonyms_of
from db.records import stamps_of
from osteo_core.archives import count_changed
from osteo_core.errors import SettingsError, SourceGoneError, UsageError
from osteo_core.events import new_event
from pages.ui.access.roles import Action, User, may
from pages.ui.access.users import author, current_user, needs, seen_by
from pages.ui.services.cohort import hidden_series
from pages.ui.services.running_app import moment, query, settings, store_holder
from pages.ui.shared import wording

if TYPE_CHECKING:
    from osteo_core.dicom.who import Who

REVEAL_KIND = "identity shown"
#: Recorded before reading, so refused or failed requests are included; no "identity shown" follows those.
ASKED_KIND = "identity asked"
LOOK_UP_KIND = "looked up"
#: Maximum number of numbers looked up at once.
MOST_NUMBERS = 500


@dataclass(frozen=True, kw_only=True)
class FoundSeries:
    """One series of a patient who was looked up; ``is_read``: as a reader signed.

    ``is_by_accession``: the number is only the examination's, not the patient's.
    """

    series_key: str
    patient_key: str
    status: str
    category: str
    follow_state: str
    study_date: date | None
    is_read: bool = False
    is_by_accession: bool = False


@dataclass(frozen=True, kw_only=True)
class Found:
    """The patients found for each number, in the order given; an empty tuple if there are none.

    One number may match several patients: the number of one is the accession number of another, two hospitals use the
    same accession number, or one PatientID is shared by people who were told apart.
    """

    by_number: tuple[tuple[str, tuple[FoundSeries, ...]], ...]


def numbers_in(text: str) -> list[str]:
    """The numbers of a typed, scanned or pasted list: separated by lines, tabs, commas or semicolons, each once."""
    return list(dict.fromkeys(one.strip() for one in re.split(r"[\n\r\t,;]+", text) if one.strip()))


@needs("look_up")
def find_patients(text: str, *, is_again: bool = False) -> Found:
    """The patients of these patient numbers and accession numbers; the look-up is recorded first.

    ``is_again``: the page is redrawn and this session has just asked the same. Raises UsageError for none, or too many.
    """
    numbers = numbers_in(text)
    if not numbers:
        raise UsageError("type, scan or paste a patient number or an accession number")
    if len(numbers) > MOST_NUMBERS:
        raise UsageError(f"at most {MOST_NUMBERS} numbers are looked up at once, found {len(numbers)}; split the list")
    pseudonyms = pseudonyms_of(settings())
    patients = {pseudonyms.patient(number): number for number in numbers}
    accessions = {pseudonyms.accession(number): number for number in numbers}
    reader = seen_by()
    rows = query("find_patients", patient_keys=list(patients), accession_keys=list(accessions), seen_by=reader)
    hidden = set(hidden_series(reader))
    found: dict[str, list[FoundSeries]] = {number: [] for number in numbers}
    for row in rows.to_pylist():
        # A series answers every number that is its own: its patient's, and its examination's beside it.
        as_patient = {patients[key] for key in (row["patient_key"], row["patient_id_key"]) if key in patients}
        as_examination = {accessions[row["accession_key"]]} if row["accession_key"] in accessions else set()
        for number in as_patient | as_examination:
            own = _series(row, is_by_accession=number not in as_patient)
            found[number].append(replace(own, follow_state=wording.HIDDEN_STATE) if own.series_key in hidden else own)
    if not is_again:
        _note_look_up(found)
    return Found(by_number=tuple((number, tuple(series)) for number, series in found.items()))


def _note_look_up(found: Mapping[str, Sequence[FoundSeries]]) -> None:
    """Record one event per series found, so that erasing a patient erases them; one without a series if none was
    found.
    """
    keys = list(dict.fromkeys(one.series_key for series in found.values() for one in series))
    payload = {"look_up": uuid.uuid4().hex, "asked": len(found), "found": sum(map(bool, found.values()))}
    who, at = author(), moment()
    noted = [new_event(LOOK_UP_KIND, author=who, at=at, payload=payload, series_key=key) for key in keys or [""]]
    store_holder().record(*noted)


def _series(row: dict[str, object], *, is_by_accession: bool) -> FoundSeries:
    return FoundSeries(
        series_key=str(row["series_key"]),
        patient_key=str(row["patient_key"]),
        status=str(row["status"]),
        category=str(row["category"] or ""),
        follow_state=str(row["follow_state"] or ""),
        study_date=row["study_date"],  # type: ignore[arg-type]
        is_read=bool(row["is_read"]),
        is_by_accession=is_by_accession,
    )


def may_see_identity(user: User | None, author: str) -> bool:
    """Whether this user may see patient identities: by role, and without a sign-in by name (identity_readers)."""
    if user is None or not user.is_local:
        return may(user, Action.REVEAL)
    allowed = {one.strip().casefold() for one in settings().identity_readers.split(",") if one.strip()}
    return bool(allowed) and author.strip().casefold() in allowed


@needs(Action.REVEAL)
def reveal(series_key: str, *, author: str, reason: str) -> Who:
    """Who the patient of a series is, from its source header now.

    The request is recorded before the header is read, and the disclosure before the identity is returned.

    Raises UsageError if this user may not, gives no reason, or the source files are gone and no table has it.
    """
    note = partial(_note, series_key=series_key, author=author, reason=reason)
    is_allowed = may_see_identity(current_user(), author)
    if not is_allowed or reason.strip():
        note(ASKED_KIND, {"is_allowed": is_allowed})
    if not is_allowed:
        raise UsageError("you may not see who a patient is here; your role or the setting identity_readers decides")
    if not reason.strip():
        raise UsageError("say why you need to know who the patient is; the reason is recorded")
    rows = query("patient", series_key=series_key).to_pylist()
    files = [path_of(file) for file in rows[0]["files"] or ()] if rows else []
    who = _read(series_key, files, stamps_of(rows[0]) if rows else ())
    note(REVEAL_KIND, {"from": "table" if who.is_kept else "header"})
    return who


def _note(kind: str, payload: Mapping[str, object], *, series_key: str, author: str, reason: str) -> None:
    at = moment()
    event = new_event(kind, author=author, at=at, payload=payload, series_key=series_key, reason=reason)
    store_holder().record(event)


def _check_unchanged(files: Sequence[Path], stamps: Sequence[tuple[int, int]]) -> None:
    if count_changed(files, stamps):
        raise SourceGoneError(
            "the source files changed since they were indexed, and may be another patient's; index the folder again"
        )


def _read(series_key: str, files: Sequence[Path], stamps: Sequence[tuple[int, int]]) -> Who:
    from osteo_core.dicom.who import Who, read_who  # reading headers loads pydicom, which opening a page must not

    own = settings()
    try:
        _check_unchanged(files, stamps)
        who = read_who(files)
        _check_unchanged(files, stamps)  # once more: they may have been replaced while they were read
        return who
    except SourceGoneError as gone:
        if not own.keep_identities:
            raise
        try:
            kept = kept_of(own.identities_dir, pseudonyms_of(own), series_key)
        except SettingsError as refused:
            raise UsageError(f"{gone}; {refused}") from None
        if kept is None:
            raise UsageError(f"{gone}; this site's table of identifiers has no line of this series") from None
        return Who(**kept, is_kept=True)

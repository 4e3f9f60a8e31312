"""QCT values from a table on screen: read, mapped, previewed, then imported; imports can be listed and withdrawn."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from db import rows
from db.key import pseudonyms_of
from db.parts import write_part
from osteo_core.errors import StatisticsError, UsageError, needs_author
from osteo_core.events import new_event
from osteo_core.statistics.agreement import BlandAltman, bland_altman
from osteo_core.tables.content import Table, read_table
from osteo_core.tables.qct import Mapped, guess, map_rows
from osteo_core.terms import Mineral
from pages.ui.access.roles import Action
from pages.ui.access.users import needs
from pages.ui.services.people import name_of
from pages.ui.services.running_app import moment, query, settings, store_holder
from pages.ui.services.store_holder import refusals_in_words

_IMPORTED, _WITHDRAWN = "QCT import", "QCT import withdrawn"
_MOST_LETTERS = 200
#: Check and write are one step.
_withdrawing = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Replaced:
    """Existing values that an import would replace: how many, how many would change, and the mean change in mg/cm3."""

    count: int
    changed: int
    mean_change_mg_cm3: float


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What an import would do: rows accepted and refused, its patients, those with a CT here, values replaced."""

    mapped: Mapped
    patients: int
    known: int
    measured: int
    replaced: Replaced


@dataclass(frozen=True, kw_only=True)
class QctImport:
    """One completed import; ``withdrawn_at`` is None while it counts."""

    imported_at: datetime
    author: str
    values: int
    patients: int
    minerals: str
    sources: str
    lowest_mg_cm3: float
    median_mg_cm3: float
    highest_mg_cm3: float
    withdrawn_by: str
    withdrawn_at: datetime | None


@needs(Action.IMPORT_QCT)
def qct_table(content: bytes) -> tuple[Table, dict[str, str]]:
    """The table and the most likely meaning of each column. Raises UsageError if it is not a table."""
    table = read_table(content)
    return table, guess(table)


@needs(Action.IMPORT_QCT)
def preview_qct(table: Table, columns: Mapping[str, str], *, mineral: Mineral | None, source: str) -> Preview:
    """What would be imported under this mapping; nothing is stored. Raises UsageError as ``map_rows``, and for a long
    source, which every value would repeat.
    """
    if len(source) > _MOST_LETTERS:
        raise UsageError(f"the source may have {_MOST_LETTERS} letters at most, found {len(source):,}")
    mapped = map_rows(table, columns, pseudonyms_of(settings()), mineral=mineral, source=source)
    keys = sorted({value.patient_key for value in mapped.values})
    found = query("known_patients", patient_keys=keys).to_pylist()[0]
    return Preview(
        mapped=mapped,
        patients=len(keys),
        known=int(found["n"]),
        measured=int(found["n_measured"]),
        replaced=_replaced(mapped, keys),
    )


def _replaced(mapped: Mapped, keys: list[str]) -> Replaced:
    held = {
        (row["patient_key"], row["level"], row["mineral"]): row["vbmd_mg_cm3"]
        for row in query("qct_replaced", patient_keys=keys).to_pylist()
    }
    pairs = [
        (value.vbmd_mg_cm3, held[key])
        for value in mapped.values
        if (key := (value.patient_key, None if value.level is None else int(value.level), value.mineral)) in held
    ]
    changes = [new - old for new, old in pairs]
    return Replaced(
        count=len(pairs),
        changed=sum(abs(change) > 0.0 for change in changes),
        mean_change_mg_cm3=statistics.fmean(changes) if changes else 0.0,
    )


@needs(Action.IMPORT_QCT)
def import_qct(preview: Preview, *, author: str) -> None:
    """Import the values and record who did so. Raises UsageError without an author."""
    if not author.strip():
        raise needs_author("an import")
    at = moment()
    payload = {"imported_at": at.isoformat(), "values": len(preview.mapped.values)}
    # First: values never lie there without their author.
    store_holder().record(new_event(_IMPORTED, author=author, at=at, payload=payload))
    with refusals_in_words():
        write_part(store_holder().store_dir, "reference_values", rows.reference_table(preview.mapped.values, at=at))
    store_holder().take_in()


def qct_imports() -> list[QctImport]:
    """Every import, the latest first; imports by command have no author."""
    return [
        QctImport(
            imported_at=row["imported_at"],
            author=name_of(row["author"]),
            values=int(row["n_values"]),
            patients=int(row["n_patients"]),
            minerals=row["minerals"] or "",
            sources=row["sources"] or "",
            lowest_mg_cm3=row["lowest"],
            median_mg_cm3=row["middle"],
            highest_mg_cm3=row["highest"],
            withdrawn_by=name_of(row["withdrawn_by"] or ""),
            withdrawn_at=row["withdrawn_at"],
        )
        for row in query("qct_imports").to_pylist()
    ]


@dataclass(frozen=True, kw_only=True)
class QctChange:
    """A value that differs between two imports; None if one import lacks it. ``level`` 0: mean."""

    patient_key: str
    level: int
    mineral: str
    first_mg_cm3: float | None
    second_mg_cm3: float | None


@dataclass(frozen=True, kw_only=True)
class QctComparison:
    """Two imports value by value. ``agreement``: first minus second of values in both, or None with the reason in
    ``why``.

    Counts: values in both, of which ``changed`` differ, and values in only one import.
    """

    both: int
    changed: int
    first_only: int
    second_only: int
    changes: tuple[QctChange, ...]
    agreement: BlandAltman | None
    why: str = ""


def compare_qct(first: datetime, second: datetime) -> QctComparison:
    """Compare two imports by the moments at which they were made, withdrawn or not."""
    found = [
        QctChange(
            patient_key=row["patient_key"],
            level=int(row["level"]),
            mineral=row["mineral"],
            first_mg_cm3=row["first_vbmd_mg_cm3"],
            second_mg_cm3=row["second_vbmd_mg_cm3"],
        )
        for row in query("qct_compared", first=first, second=second).to_pylist()
    ]
    pairs = [
        (one.first_mg_cm3, one.second_mg_cm3)
        for one in found
        if one.first_mg_cm3 is not None and one.second_mg_cm3 is not None
    ]
    agreement, why = None, ""
    try:
        agreement = bland_altman([a for a, _ in pairs], [b for _, b in pairs], exact=True)
    except StatisticsError as refused:
        why = str(refused)
    return QctComparison(
        both=len(pairs),
        changed=sum(a != b for a, b in pairs),
        first_only=sum(one.second_mg_cm3 is None for one in found),
        second_only=sum(one.first_mg_cm3 is None for one in found),
        changes=tuple(one for one in found if one.first_mg_cm3 != one.second_mg_cm3),
        agreement=agreement,
        why=why,
    )


@needs(Action.IMPORT_QCT)
def withdraw_qct(imported_at: datetime, *, author: str, reason: str) -> None:
    """Withdraw one import: its values no longer count but stay in the store.

    Raises UsageError without author or reason, or if it was withdrawn already.
    """
    if not author.strip():
        raise needs_author("a withdrawal")
    if not reason.strip():
        raise UsageError("say why the import is withdrawn; the reason is recorded")
    payload = {"imported_at": imported_at.isoformat()}
    with _withdrawing:
        store_holder().take_in()
        if any(one.imported_at == imported_at and one.withdrawn_at for one in qct_imports()):
            raise UsageError("this import was withdrawn already; nothing was noted")
        store_holder().record(new_event(_WITHDRAWN, author=author, at=moment(), payload=payload, reason=reason))

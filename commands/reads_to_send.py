"""Which signed reads to send, and everything the store knows about each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from commands.store_access import Query
from db.parts import MEDIA
from db.records import series_of
from osteo_core.errors import UsageError
from osteo_core.exchange.signed import SignedRead
from osteo_core.exchange.uids import SEG, SR
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.records import Series
from osteo_core.review.corrections import SignedSeries, outline_dice, signed_series
from osteo_core.review.reads import Read, Reading, ReadingStatus, Verdict
from osteo_core.terms import Level

_AT_ODDS = "two readers disagree and no adjudicator has signed"
_DISPUTED = f"{_AT_ODDS}, and the PACS shows an earlier report as verified"


@dataclass(frozen=True, kw_only=True)
class ToSend:
    """A read with its series, the file of its outlines, and its objects that the PACS has already confirmed.

    ``is_outdated``: the index found other files in place of the measured ones.
    """

    series: Series
    signed: SignedRead
    mask: Path
    sent: frozenset[str]
    is_outdated: bool


def reads_to_send(
    query: Query, store_dir: Path, pseudonyms: Pseudonyms, *, to: str, patient_key: str
) -> tuple[list[ToSend], Counter[str]]:
    """Counting reads not yet sent to the PACS ``to``, and how many others wait, by reason.

    A read that was sent and is disputed since waits too: nothing can be recalled from a PACS.

    ``patient_key``: only this patient's, sent before or not; '' for all. Raises UsageError if this one has none signed.
    """
    rows = query("reads_to_send", patient_keys=[patient_key] if patient_key else []).to_pylist()
    series = signed_series({**row, "scanner": ""} for row in rows)
    if patient_key and not series:
        raise UsageError(
            "no read of this patient is signed in this store; the pseudonym is on the patient's page, in full"
        )
    names = {row["author"]: row["name"] for row in query("user_names").to_pylist()}
    found: list[ToSend] = []
    waiting: Counter[str] = Counter()
    for one in series:
        read = one.reading.counts
        if read is None:
            continue
        is_wanted = _is_wanted(one.reading, read, to, again=bool(patient_key))
        if one.reading.status is ReadingStatus.AT_ODDS:
            is_there = bool(one.reading.sent(read, SR, to=to) or _predecessor(one.reading, read, to))
            if is_there or is_wanted:
                waiting[_DISPUTED if is_there else _AT_ODDS] += 1
            continue
        if not is_wanted:
            continue
        gathered = _gathered(query, store_dir, pseudonyms, one, names=names, to=to, again=bool(patient_key))
        found.append(gathered)
    return found, waiting


def _is_wanted(reading: Reading, read: Read, to: str, *, again: bool) -> bool:
    """A rejected read is sent only if an earlier read was sent: otherwise there is nothing to correct."""
    if read.verdict is Verdict.REJECT and _predecessor(reading, read, to) is None:
        return False
    return again or reading.sent(read, SR, to=to) is None


def _predecessor(reading: Reading, read: Read, to: str) -> Read | None:
    """The latest other read whose report the PACS holds."""
    sent = (one for one in reversed(reading.reads) if one.at < read.at and reading.sent(one, SR, to=to))
    return next(sent, None)


def _gathered(
    query: Query,
    store_dir: Path,
    pseudonyms: Pseudonyms,
    one: SignedSeries,
    *,
    names: Mapping[str, str],
    to: str,
    again: bool,
) -> ToSend:
    series_key, reading, read = one.series_key, one.reading, one.reading.counts
    if read is None:
        raise ValueError("a reading without a read that counts has nothing to send")
    (header,) = query("series_header", series_key=series_key).to_pylist()
    (row,) = query("patient", series_key=series_key).to_pylist()
    (result,) = query("read_result", series_key=series_key, model_hash=read.model_hash, now=read.at).to_pylist()
    of_result = {"series_key": series_key, "result_id": result["result_id"]}
    levels = query("result_levels", **of_result).to_pylist()
    earlier = _predecessor(reading, read, to)
    signed = SignedRead(
        read=read,
        reader=names.get(read.reader) or read.reader,
        pseudonyms=pseudonyms,
        dice=outline_dice(reading, read),
        engine=result["model_engine"] or "",
        mean_hu={Level(level["level"]): level["mean_hu"] for level in levels if level["mean_hu"] is not None},
        phase=result["contrast_phase"] or "",
        calibration=", ".join(
            filter(None, (result["calibration_name"], result["calibration_source"], *(result["corrections"] or ())))
        ),
        calibration_kind=result["calibration_kind"] or "",
        mineral=result["calibration_mineral"] or "",
        cautions=tuple(caution["sentence"] for caution in query("result_cautions", **of_result).to_pylist()),
        is_simulated=bool(row["is_simulated"]),
        measuring_version=result["measuring_version"] or "",
        predecessor=earlier.event_id if earlier else "",
    )
    before = () if again else (what for what in (SEG, SR) if reading.sent(read, what, to=to))
    return ToSend(
        series=series_of({**header, "files": row["files"], "file_stamps": row["file_stamps"]}),
        signed=signed,
        mask=store_dir / MEDIA / f"{series_key}_{result['model_hash']}_mask.nii.gz",
        sent=frozenset(before),
        is_outdated=bool(result["is_outdated"]),
    )

"""A reader and the PACS during the load test: ``python -m benchmarks.load.signing STORE KEY CT``, until stopped.

Repeatedly writes two small CTs as DICOM, measures them with the outlines of their phantoms and indexes them; a reader
signs them, and ``send`` sends the signed reads to the PACS named in the environment. Prints a line of JSON after each
step.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.load.analysis import arguments_of, say
from benchmarks.million_store import MODEL_HASH
from commands import store_access
from commands.index import index
from commands.write_results import write_mask
from db.parts import MEDIA
from osteo_core.__main__ import run
from osteo_core.exchange.uids import SEG, SR, uid_of
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.settings import Settings
from tests.builders.reading import ReadingCase
from tests.builders.sending import build_dicom_case, sign
from tests.builders.store import write_results

CASES = 2
PAUSE_S = 20.0


def main() -> None:
    """Repeat rounds until SIGTERM."""
    settings, ct = arguments_of("signing")
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    os.nice(10)  # as for the workers of an analysis
    for number in itertools.count():
        _round(number, ct, settings)
        if ended.wait(PAUSE_S):
            break


def _round(number: int, ct: Path, settings: Settings) -> None:
    begun, pseudonyms = time.monotonic(), Pseudonyms.from_key_file(settings.key_file)
    folder = ct / f"signed_{number}"
    cases = [_case(folder, CASES * number + k, pseudonyms) for k in range(CASES)]
    for case in cases:
        assert case.result.segmentation is not None
        write_mask(settings.store / MEDIA / f"{case.key}_{MODEL_HASH}_mask.nii.gz", case.result.segmentation)
    write_results(settings.store, [case.result for case in cases])
    store_access.hand_over(settings.store)  # before they are indexed: otherwise the concurrent analysis would take them
    index([folder], settings.store, settings=settings)
    reads = sign(settings.store, cases)
    say(signed=len(reads), uids=[uid_of(pseudonyms, one.event_id, what) for one in reads for what in (SEG, SR)])
    begun_to_send = time.monotonic()
    with redirect_stdout(sys.stderr):  # its sentences
        answer = run(["send", "--store", str(settings.store)])
    say(
        sent=answer.document["objects"],
        failed=sum(answer.document["failed"].values()),
        waiting=answer.document["waiting"],
        send_s=time.monotonic() - begun_to_send,
        seconds=time.monotonic() - begun,
    )


def _case(folder: Path, number: int, pseudonyms: Pseudonyms) -> ReadingCase:
    """With the models of the store, so that the concurrent analysis has nothing to do for it."""
    case = build_dicom_case(folder, number, pseudonyms=pseudonyms)
    return replace(case, result=replace(case.result, model_hash=MODEL_HASH))


def wrong(store: Path, said: Sequence[dict[str, Any]], held: set[str]) -> list[str]:
    """Compare what was signed (this program's output lines) with the UIDs in the PACS and the store's notes.

    Returns a sentence for each difference; none if each object is in the PACS and was noted once.
    """
    with store_access.store_to_read(store) as reader:
        rows = reader.table("events").to_pylist()
    notes = Counter(json.loads(row["payload_json"])["sop_instance_uid"] for row in rows if row["kind"] == "sent")
    signed = {uid for one in said for uid in one.get("uids", ())}
    return [
        *(f"{uid}: signed, and not in the PACS" for uid in sorted(signed - held)),
        *(f"{uid}: in the PACS, and not signed" for uid in sorted(held - signed)),
        *(f"{uid}: {notes[uid]} notes that it was sent" for uid in sorted(signed) if notes[uid] != 1),
    ]


if __name__ == "__main__":
    main()

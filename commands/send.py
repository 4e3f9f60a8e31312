"""``send [--to DIR] [--patient KEY]``: signed reads to the PACS as DICOM SEG and SR, each object once.

Each object that the PACS confirms is recorded as an event at once, so a killed command resumes where it stopped. An
object confirmed but not recorded before a kill is sent again under the same UID.
"""

from __future__ import annotations

import argparse
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from commands import store_access
from commands.command import FAULT, OK, Answer, Context, path_argument, writable_folder
from commands.pacs import ObjectRefusedError, Pacs, PacsGoneError
from commands.reads_to_send import ToSend, reads_to_send
from commands.sentences import counted
from db.events import record
from db.key import pseudonyms_of
from db.moments import in_order
from osteo_core.errors import UsageError
from osteo_core.exchange.report import report_of
from osteo_core.exchange.segmentation import seg_of
from osteo_core.exchange.signed import Made, write_object
from osteo_core.exchange.source import read_source
from osteo_core.exchange.uids import SEG, SR
from osteo_core.imaging.nifti import read_nifti_labels
from osteo_core.records import Geometry, LabelArray
from osteo_core.review.read_events import sent_event
from osteo_core.review.reads import Sending
from osteo_core.settings import Settings

#: Takes one object of a read: SEG or SR.
Deliver = Callable[[ToSend, str, Made], None]
_NO_PACS = (
    "no PACS is named: write its host, port and ae_title under [pacs] in the settings, or name a folder with --to"
)


@dataclass(kw_only=True)
class _Done:
    """Outcome of the reads; ``stopped``: why the rest was not tried."""

    reads: int = 0
    objects: int = 0
    tried: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    stopped: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("--to", type=path_argument, metavar="DIR", help="write files into this folder, send nothing")
    parser.add_argument("--patient", metavar="KEY", help="only this pseudonym, including reads sent before")
    parser.add_argument("--author", metavar="NAME", default="send", help="who sends; recorded")


def run(arguments: argparse.Namespace, context: Context) -> Answer:
    """Send, or write, the reads not yet sent."""
    settings = context.settings
    if arguments.patient == "":  # an unset variable of a script: it must not mean all patients
        raise UsageError("--patient needs a pseudonym, found nothing; leave it out to send all reads")
    if arguments.to is not None:
        return _run(settings, arguments)
    if not settings.pacs_host:
        raise UsageError(_NO_PACS)
    with store_access.sending(settings.store):
        return _run(settings, arguments)


def _run(settings: Settings, arguments: argparse.Namespace) -> Answer:
    folder = arguments.to
    with store_access.store_to_read(settings.store) as reader:
        wanted, waiting = reads_to_send(
            reader.query,
            settings.store,
            pseudonyms_of(settings),
            to=settings.pacs_ae_title,
            patient_key=arguments.patient or "",
        )
    done = _Done(left_out=waiting)
    if wanted:  # otherwise no PACS is contacted
        try:
            with _to_folder(folder) if folder is not None else _to_pacs(settings, arguments.author) as deliver:
                for one in wanted:
                    _send(one, deliver, done, with_outlines=settings.pacs_outlines)
        except PacsGoneError as error:
            done.stopped = str(error)
    if done.objects and folder is None:
        store_access.hand_over(settings.store)
    return _answer(done, where="sent" if folder is None else f"written to {folder}", waits=len(wanted) - done.tried)


@contextmanager
def _to_folder(folder: Path) -> Iterator[Deliver]:
    place = writable_folder(folder, "--to")

    def deliver(_one: ToSend, _what: str, made: Made) -> None:
        write_object(place, made)

    yield deliver


@contextmanager
def _to_pacs(settings: Settings, author: str) -> Iterator[Deliver]:
    """Send to the PACS, then record an event."""
    with Pacs(settings) as pacs:

        def deliver(one: ToSend, what: str, made: Made) -> None:
            pacs.store(made)
            sending = Sending(
                read_id=one.signed.read.event_id, what=what, to=settings.pacs_ae_title, at=in_order(settings.store)
            )
            event = sent_event(
                sending,
                event_id=uuid.uuid4().hex,
                series_key=one.series.series_key,
                author=author,
                sop_instance_uid=str(made.SOPInstanceUID),
            )
            record(settings.store, event)

        yield deliver


def _send(one: ToSend, deliver: Deliver, done: _Done, *, with_outlines: bool) -> None:
    """Send one read; a fault in it never stops the others. Raises PacsGoneError if the PACS does not answer."""
    try:
        for what, made in objects_of(one, with_outlines=with_outlines):
            deliver(one, what, made)
            done.objects += 1
        done.reads += 1
    except ObjectRefusedError as refused:
        done.failed[str(refused)] += 1
    except UsageError as refused:
        done.left_out[str(refused)] += 1
    done.tried += 1


def objects_of(one: ToSend, *, with_outlines: bool) -> list[tuple[str, Made]]:
    """The objects of a read not yet confirmed by the PACS, outlines before the report that refers to them.

    Without outlines the report has the same numbers and no reference; a rejected read has no outlines.

    Raises UsageError, without naming a patient or a file, if they cannot be made.
    """
    if one.is_outdated:
        raise UsageError("its source files were replaced since they were measured and signed")
    is_outlined = with_outlines and not one.signed.is_rejected
    if is_outlined and not one.mask.is_file():
        raise UsageError("its outlines are no longer in the store")
    try:
        source = read_source(one.series)
        if not source.is_of(one.series, one.signed.pseudonyms):
            raise UsageError("its source files name another patient or study than when they were indexed")
        seg = seg_of(source, *_outlines(one.mask), one.signed) if is_outlined else None
        report = report_of(source, one.signed, seg)
    except UsageError:
        raise
    except Exception as error:  # the border of one read: the text of an error may quote a header
        raise UsageError(f"its headers do not let the objects be made ({type(error).__name__})") from None
    return [(what, made) for what, made in ((SEG, seg), (SR, report)) if made is not None and what not in one.sent]


def _outlines(mask: Path) -> tuple[LabelArray, Geometry]:
    try:
        return read_nifti_labels(mask)
    except ValueError:
        raise UsageError("the file of its outlines in the store is damaged; 'check' says what to do") from None


def _answer(done: _Done, *, where: str, waits: int) -> Answer:
    failed, left_out = sum(done.failed.values()), sum(done.left_out.values())
    sentences = [
        *(f"Failed, {why}: {n}." for why, n in done.failed.items()),
        *(f"Left out, {why}: {n}." for why, n in done.left_out.items()),
    ]
    if done.stopped:
        sentences.append(f"Stopped, {done.stopped}. {counted(waits, 'read waits', 'reads wait')} for the next run.")
    sentences.append(
        f"{counted(done.reads, 'signed read', 'signed reads')} ({counted(done.objects, 'object', 'objects')}) {where}, "
        f"{failed} failed, {left_out} left out."
    )
    return Answer(
        document={
            "reads": done.reads,
            "objects": done.objects,
            "failed": dict(done.failed),
            "left_out": dict(done.left_out),
            "stopped": done.stopped,
            "waiting": waits,
        },
        sentences=tuple(sentences),
        code=FAULT if failed or done.stopped else OK,
    )

"""What one reader may be shown of a series: outlines, numbers and decisions, now or at an earlier moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from osteo_core.review.decisions import Decisions
from osteo_core.review.reads import Read, Reading, Role
from osteo_core.review.summary import Summary
from pages.ui import services
from pages.ui.access.roles import Action, may
from pages.ui.access.users import current_user
from pages.ui.patient.both_reads import read_shown


@dataclass(frozen=True, kw_only=True)
class ReaderView:
    """What this reader is shown of one series: outlines, their numbers, and whether another reader's read is included.

    ``past``: the earlier moment that is shown, None for now.
    """

    reading: Reading
    version: str
    summary: Summary
    decisions: Decisions
    role: Role | None
    read: Read | None
    is_blind: bool
    past: datetime | None = None


def reader_view_of(view: services.PatientView, reading: Reading, *, reader: str, shows_read: bool) -> ReaderView:
    """A second reader sees the model's outlines or their own, and nothing of the first read, unless they asked to.

    The same holds for a user without a name yet, who may be the second reader.
    """
    role = reading.role_of(reader) if reader else (Role.FIRST if reading.counts is None else None)
    if not may(current_user(), Action.ADJUDICATE if role is Role.ADJUDICATOR else Action.SIGN):
        role = None
    is_blind = may(current_user(), Action.SIGN) and not shows_read and reading.is_hidden_from(reader)
    read = None if is_blind else read_shown(reading, view.series_key, role)
    version = reading.latest_version(reader, view.model_hash)
    if read is not None and not any(mask.reader == reader for mask in reading.masks):
        version = read.version
    summary, decisions = _numbers(view, reading, version, read=read)
    return ReaderView(
        reading=reading,
        version=version,
        summary=summary,
        decisions=decisions,
        role=role,
        read=read,
        is_blind=is_blind,
    )


def past_view(reading: Reading, moment: datetime) -> ReaderView:
    """The last saved or signed state at an earlier moment; it is read-only."""
    last = reading.steps[-1]
    read = last if isinstance(last, Read) else None
    return ReaderView(
        reading=reading,
        version=last.version,
        summary=last.summary,
        decisions=read.decisions if read is not None else Decisions(),
        role=None,
        read=read,
        is_blind=False,
        past=moment,
    )


def _numbers(
    view: services.PatientView, reading: Reading, version: str, *, read: Read | None
) -> tuple[Summary, Decisions]:
    """The numbers of these outlines, and their decisions, which are kept when signing again."""
    if read is not None and read.version == version:
        return read.summary, read.decisions
    saved = next((mask.summary for mask in reversed(reading.masks) if mask.version == version), None)
    return saved or services.model_summary(view), Decisions()

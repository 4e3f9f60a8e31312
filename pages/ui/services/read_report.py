"""The content of a report on one signed read; refused with a sentence if no read may be reported."""

from __future__ import annotations

from dataclasses import dataclass

from osteo_core.errors import UsageError
from osteo_core.review.corrections import outline_dice
from osteo_core.review.reads import Read, Reading, ReadingStatus, Verdict
from osteo_core.review.sagittal import Sagittal, mid_sagittal
from osteo_core.review.summary import Summary
from osteo_core.terms import Level
from pages.ui.services.patients import model_summary, model_view, patient
from pages.ui.services.priors import Prior, priors
from pages.ui.services.records import PatientView
from pages.ui.services.review import reading
from pages.ui.services.review_case import case_of, labels_of


@dataclass(frozen=True, kw_only=True)
class ReadReport:
    """A signed read with everything printed beside it.

    ``view`` is the series as it counts now, ``model`` the program's own numbers, ``dice`` the corrected outlines
    against the program's by level. ``picture`` is None if it cannot be made, and ``why_no_picture`` says why.
    """

    view: PatientView
    read: Read
    status: ReadingStatus
    model: Summary
    dice: dict[Level, float]
    priors: tuple[Prior, ...]
    picture: Sagittal | None
    why_no_picture: str = ""


def why_no_report(found: Reading) -> str:
    """Why there is no report on this series yet, '' if one can be made."""
    if found.counts is None:
        saved = "the outlines are a draft" if found.masks else "nobody has signed this series"
        return f"a report is made from a signed read, and {saved}; sign it first"
    if found.status is ReadingStatus.AT_ODDS:
        return "two readers disagree on this series; a report is made once an adjudicator has signed"
    return ""


def read_report(series_key: str, *, seen_by: str | None) -> ReadReport:
    """The report on the read that counts; earlier studies as ``seen_by`` may see them.

    Raises UsageError with one sentence if there is none.
    """
    current, found = patient(series_key), reading(series_key)
    if current is None:
        raise UsageError("this store holds no such series")
    refused, read = why_no_report(found), found.counts
    if refused or read is None:
        raise UsageError(refused)
    model = model_view(current)
    picture, why = _picture(model, read)
    return ReadReport(
        view=current,
        read=read,
        status=found.status,
        model=model_summary(model),
        dice={level: dice for level, dice in outline_dice(found, read).items() if dice < 1.0},
        priors=() if read.verdict is Verdict.REJECT else priors(model, read.summary, seen_by=seen_by),
        picture=picture,
        why_no_picture=why,
    )


def _picture(model: PatientView, read: Read) -> tuple[Sagittal | None, str]:
    try:
        volume = case_of(model).volume
        return mid_sagittal(volume.voxels_hu, labels_of(model, read.version), volume.geometry), ""
    except UsageError as refused:
        return None, str(refused)

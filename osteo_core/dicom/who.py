"""Patient identity, read from a source header on request and never stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom import config

from osteo_core.archives import is_there
from osteo_core.dicom.header import NotReadable, read_header
from osteo_core.dicom.values import DAMAGE
from osteo_core.errors import SourceGoneError, UsageError

_KEYWORDS = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "AccessionNumber",
    "ReferringPhysicianName",
    "StudyInstanceUID",
)


@dataclass(frozen=True, kw_only=True, repr=False)
class Who:
    """Identifiers as they stand in the header, '' where blank. It has no repr, so it cannot end up in a log.

    ``is_kept``: they come from the site's encrypted table, copied from the header when the series was indexed.
    """

    patient_id: str
    name: str
    birth_date: str
    accession: str
    referring_physician: str
    study_instance_uid: str
    is_kept: bool = False


def read_who(files: Sequence[Path]) -> Who:
    """Identifiers of the first of these source files that is still there.

    Raises SourceGoneError when none is left, UsageError when the first is not DICOM. Messages never name a file,
    because file names may contain a patient's name.
    """
    present = next((file for file in files if is_there(file)), None)
    if not files:
        raise SourceGoneError("the source files of this series are not known; index the folder again")
    if present is None:
        raise SourceGoneError(
            f"none of the {len(files)} source files can be found; mount the folder again, or look the patient up "
            "in your own system"
        )
    found = _identifiers(present)
    return Who(
        patient_id=found["PatientID"],
        name=found["PatientName"].replace("^", " ").strip(),
        birth_date=_date(found["PatientBirthDate"]),
        accession=found["AccessionNumber"],
        referring_physician=found["ReferringPhysicianName"].replace("^", " ").strip(),
        study_instance_uid=found["StudyInstanceUID"],
    )


def _identifiers(file: Path) -> dict[str, str]:
    """Read as the index reads them; files without a preamble are accepted too."""
    header = read_header(file)
    if not isinstance(header, NotReadable):
        try:
            with config.disable_value_validation():
                return {keyword: str(header.get(keyword, "") or "").strip() for keyword in _KEYWORDS}
        except DAMAGE:
            pass
    raise UsageError("the source file is not DICOM or cannot be read, so the patient cannot be identified")


def _date(text: str) -> str:
    """'19570304' as '1957-03-04'; anything else as it is."""
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() else text

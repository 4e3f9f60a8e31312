"""The content of one signed read, and what all objects made from it have in common."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom import Dataset, config, dcmwrite
from pydicom.valuerep import DA, TM

from osteo_core import __version__
from osteo_core.exchange.codes import scheme_item
from osteo_core.exchange.source import Source
from osteo_core.exchange.uids import uid_of
from osteo_core.measuring import MEASURING_VERSION
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.review.reads import Read, Verdict
from osteo_core.terms import Level
from osteo_core.whole_files import writing

#: A DICOM object created here, for callers that may not import pydicom.
Made = Dataset
PROGRAM = "Opportunistic osteoporosis screening on CT"
MANUFACTURER = "osteo_core (research software)"
#: Series numbers of the added series, above those that scanners use.
SEG_SERIES_NUMBER, SR_SERIES_NUMBER = 9101, 9102
#: Longest text of VR LO, and of one component of a person's name.
LONG_TEXT = 64
_UTF8 = "ISO_IR 192"
_CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"


@dataclass(frozen=True, kw_only=True)
class SignedRead:
    """A signed read that counts, with further values from its result.

    ``reader``: the person's display name. ``dice``: Dice of its outlines with the program's by level, 1 where nothing
    was corrected, 0 where only one of them has the level. ``engine``: the engine that made the program's outlines.
    ``mean_hu``: mean HU of the trabecular region; the read's summary has the median, which is calibrated.
    ``predecessor``: identifier of an earlier read of the series whose report the PACS holds, '' for none.
    ``pseudonyms``: the site's pseudonyms, whose key the UIDs are derived from.
    """

    read: Read
    reader: str
    pseudonyms: Pseudonyms
    dice: Mapping[Level, float] = field(default_factory=dict)
    engine: str = ""
    mean_hu: Mapping[Level, float] = field(default_factory=dict)
    phase: str = ""
    calibration: str = ""
    calibration_kind: str = ""
    mineral: str = ""
    cautions: tuple[str, ...] = ()
    is_simulated: bool = False
    measuring_version: str = MEASURING_VERSION
    predecessor: str = ""

    @property
    def is_rejected(self) -> bool:
        """Whether the reader rejected the measurement: then no value counts."""
        return self.read.verdict is Verdict.REJECT

    def uid(self, what: str) -> str:
        """The UID of an object made from this read."""
        return uid_of(self.pseudonyms, self.read.event_id, what)

    def described(self, what: str) -> str:
        """A series description, marked for research use and, if so, as simulated."""
        return f"{'SIMULATED, ' if self.is_simulated else ''}{what}, research use"

    @property
    def parameters(self) -> tuple[str, ...]:
        """What produced the numbers: weights, settings, measuring code."""
        read = self.read
        return (f"model {read.model_hash}", f"settings {read.settings_hash}", f"measuring {self.measuring_version}")


def person_name(name: str) -> str:
    """A display name as a DICOM person name: one component, ended by a caret, without delimiters."""
    plain = "".join(" " if sign in "^=\\" or not sign.isprintable() else sign for sign in name)
    return f"{' '.join(plain.split())[: LONG_TEXT - 1] or 'unknown'}^"


def equipment(signed: SignedRead) -> dict[str, Any]:
    """The General Equipment Module: this program, its version, the weights."""
    return {
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": PROGRAM,
        "software_versions": __version__,
        "device_serial_number": signed.read.model_hash[:LONG_TEXT],
    }


def bare_header(source: Source) -> Dataset:
    """What highdicom requires of a source image, blank except the UIDs; `complete` copies the original values."""
    bare = Dataset()
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"):
        setattr(bare, keyword, "")
    bare.StudyDate = bare.StudyTime = bare.ReferringPhysicianName = None
    bare.Modality = "CT"
    for keyword in ("SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        setattr(bare, keyword, str(source.header[keyword].value).strip())
    bare.PositionReferenceIndicator = source.header.get("PositionReferenceIndicator") or ""
    return bare


def complete(made: Any, source: Source, signed: SignedRead) -> None:
    """Copy patient and study from the source into ``made`` (a highdicom object), with the dates of the read.

    The same read thus gives the same bytes whenever it is sent.
    """
    header = source.header
    sop_class = header.SOPClassUID
    try:
        if not source.is_multiframe:  # highdicom does not know every class of single-frame images
            header.SOPClassUID = _CT_IMAGE
        made.copy_patient_and_study_information(header)
    finally:
        header.SOPClassUID = sop_class
    made.SpecificCharacterSet = _UTF8
    signed_at = signed.read.at.astimezone()
    for keyword in ("InstanceCreation", "Content", "Series"):
        setattr(made, f"{keyword}Date", DA(signed_at.date()))
        setattr(made, f"{keyword}Time", TM(signed_at.time()))
    made.CodingSchemeIdentificationSequence = [scheme_item()]
    if "ContributingEquipmentSequence" in made:
        del made.ContributingEquipmentSequence  # contains the time of creation


def write_object(folder: Path, made: Made) -> Path:
    """Write the object into ``folder`` under its UID, atomically; an existing copy is replaced."""
    path = folder / f"{made.SOPInstanceUID}.dcm"
    with writing(path) as temporary, quiet():
        dcmwrite(temporary, made, enforce_file_format=True)
    return path


@contextmanager
def quiet() -> Iterator[None]:
    """Context in which libraries accept values as scanners wrote them, without warnings, which would quote them."""
    with config.disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

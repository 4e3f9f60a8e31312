"""DICOM headers of simulated studies: what a scanner of that make writes, marked as simulated.

Nothing private, no real person, no real institution. UIDs are 2.25 UIDs hashed from the seed, so the
same patient always has the same ones. Dates lie in the two years before LAST_STUDY_DATE.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from osteo_core.simulate.scanners import Kernel
from osteo_core.simulate.truth import Contrast, FieldOfView, SimulatedPatient
from osteo_core.terms import ContrastPhase, Sex

#: Fixed, so that the same seed gives the same bytes on any day.
LAST_STUDY_DATE = date(2026, 11, 20)
IMAGE_COMMENTS = "Simulated CT of an invented patient"
INSTITUTION = "SIMULATED"
#: 2.25 UIDs hold an unsigned 128-bit number; fewer bits keep every UID short.
_UID_HEX_DIGITS = 30

_BODY_PART = {
    FieldOfView.ABDOMEN_PELVIS: "ABDOMEN",
    FieldOfView.UPPER_ABDOMEN: "ABDOMEN",
    FieldOfView.LUMBAR_SPINE: "LSPINE",
    FieldOfView.THORAX: "CHEST",
}
_STUDY = {
    FieldOfView.ABDOMEN_PELVIS: "CT ABDOMEN PELVIS",
    FieldOfView.UPPER_ABDOMEN: "CT UPPER ABDOMEN",
    FieldOfView.LUMBAR_SPINE: "CT LUMBAR SPINE",
    FieldOfView.THORAX: "CT THORAX",
}
_PHASE = {
    ContrastPhase.NATIVE: "native",
    ContrastPhase.ARTERIAL: "arterial",
    ContrastPhase.PORTAL_VENOUS: "portal venous",
    ContrastPhase.DELAYED: "delayed",
}


@dataclass(frozen=True, kw_only=True)
class SeriesHeader:
    """What distinguishes one series of a study from the others."""

    number: int
    description: str
    image_type: tuple[str, ...]
    kernel: Kernel
    thickness_mm: float
    step_mm: float


def uid(*parts: object) -> UID:
    """A UID that depends only on ``parts``."""
    digest = hashlib.sha256("/".join(["osteo-simulated", *map(str, parts)]).encode()).hexdigest()
    return UID(f"2.25.{int(digest[:_UID_HEX_DIGITS], 16)}")


def main_header(patient: SimulatedPatient) -> SeriesHeader:
    """Header of the patient's main series."""
    scan = patient.acquisition
    phase = _PHASE[patient.contrast.phase] if patient.contrast.declared else ""
    kernel = scan.kernel.name.split("\\")[0]
    return SeriesHeader(
        number=2,
        description=" ".join(
            filter(None, (_BODY_PART[patient.field_of_view], f"{scan.thickness_mm:g}", kernel, phase))
        ),
        image_type=("ORIGINAL", "PRIMARY", "AXIAL"),
        kernel=scan.kernel,
        thickness_mm=scan.thickness_mm,
        step_mm=scan.step_mm,
    )


def series_dataset(patient: SimulatedPatient, header: SeriesHeader) -> Dataset:
    """Everything that the slices of a series share; pixel data and positions are added by slice."""
    data = Dataset()
    _add_patient(data, patient)
    _add_study(data, patient)
    _add_equipment(data, patient)
    data.Modality = "CT"
    data.SOPClassUID = CTImageStorage
    data.SeriesInstanceUID = uid(patient.seed, "series", header.number)
    data.SeriesNumber = header.number
    data.SeriesDescription = header.description
    data.ImageType = list(header.image_type)
    data.ImageComments = IMAGE_COMMENTS
    _add_acquisition(data, patient, header)
    _add_contrast(data, patient.contrast, patient.acquisition.maker.agent)
    return data


def _add_patient(data: Dataset, patient: SimulatedPatient) -> None:
    data.SpecificCharacterSet = "ISO_IR 100"
    data.PatientName = f"SIMULATED^{patient.patient_id}"
    data.PatientID = patient.patient_id
    data.PatientBirthDate = ""
    data.PatientSex = "F" if patient.sex == Sex.FEMALE else "M"
    data.PatientAge = f"{patient.age_years:03d}Y"
    data.PatientSize = round(patient.habitus.height_cm / 100, 2)
    data.PatientWeight = round(patient.habitus.bmi * (patient.habitus.height_cm / 100) ** 2, 1)


def _add_study(data: Dataset, patient: SimulatedPatient) -> None:
    day = LAST_STUDY_DATE - timedelta(days=patient.study_day)
    stamp, time = day.strftime("%Y%m%d"), f"{8 + patient.seed % 10:02d}{patient.seed % 60:02d}00"
    for kind in ("Study", "Series", "Acquisition", "Content"):
        setattr(data, f"{kind}Date", stamp)
        setattr(data, f"{kind}Time", time)
    data.AccessionNumber = ""
    data.ReferringPhysicianName = ""
    data.StudyID = str(patient.seed)
    data.StudyInstanceUID = uid(patient.seed, "study")
    data.StudyDescription = _STUDY[patient.field_of_view]
    data.FrameOfReferenceUID = uid(patient.seed, "frame")
    data.PositionReferenceIndicator = ""


def _add_equipment(data: Dataset, patient: SimulatedPatient) -> None:
    scan = patient.acquisition
    data.Manufacturer = scan.maker.manufacturer
    data.ManufacturerModelName = scan.model
    data.InstitutionName = INSTITUTION
    data.StationName = f"SIMCT{scan.unit}"
    serial = hashlib.sha256(f"{scan.maker.manufacturer}/{scan.model}/{scan.unit}".encode()).hexdigest()
    data.DeviceSerialNumber = f"SIM{int(serial[:8], 16) % 1_000_000:06d}"
    data.SoftwareVersions = scan.maker.software


def _add_acquisition(data: Dataset, patient: SimulatedPatient, header: SeriesHeader) -> None:
    scan = patient.acquisition
    data.BodyPartExamined = _BODY_PART[patient.field_of_view]
    data.ProtocolName = _STUDY[patient.field_of_view].title()
    data.ScanOptions = "HELICAL MODE" if scan.maker.manufacturer.startswith("GE") else "HELIX"
    data.KVP = float(scan.kvp)
    data.ConvolutionKernel = header.kernel.name.split("\\") if "\\" in header.kernel.name else header.kernel.name
    data.SliceThickness = header.thickness_mm
    data.SpacingBetweenSlices = header.step_mm
    data.DataCollectionDiameter = 500.0
    data.ReconstructionDiameter = round(scan.pixel_mm * scan.matrix, 1)
    data.GantryDetectorTilt = 0.0
    data.TableHeight = round(scan.table_height_mm, 1)
    data.RotationDirection = "CW"
    data.ExposureTime = 500
    data.XRayTubeCurrent = scan.exposure_mas * 2
    data.Exposure = scan.exposure_mas
    data.PatientPosition = "FFS" if scan.feet_first else "HFS"
    data.AcquisitionNumber = 1


def _add_contrast(data: Dataset, contrast: Contrast, agent: str) -> None:
    """Declare the contrast, if the header does; as in practice, a study can be enhanced without a declaration."""
    if contrast.phase != ContrastPhase.NATIVE and contrast.declared:
        data.ContrastBolusAgent = agent
        data.ContrastBolusRoute = "IV"


def file_meta(data: Dataset, transfer_syntax: UID = ExplicitVRLittleEndian) -> FileMetaDataset:
    """File meta information of one file."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = data.SOPClassUID
    meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    meta.TransferSyntaxUID = transfer_syntax
    meta.ImplementationClassUID = uid("implementation")
    meta.ImplementationVersionName = "OSTEO_SIMULATE"
    return meta


def as_secondary_capture(data: Dataset) -> None:
    """Turn a series' dataset into that of a screen capture."""
    data.SOPClassUID = SecondaryCaptureImageStorage
    data.ImageType = ["DERIVED", "SECONDARY", "SCREEN SAVE"]
    data.ConversionType = "WSD"
    for keyword in ("ConvolutionKernel", "SliceThickness", "SpacingBetweenSlices", "KVP", "FrameOfReferenceUID"):
        delattr(data, keyword)

"""Facts that a NIfTI, NRRD or MetaImage file cannot hold, from the JSON file beside it or from a table.

dcm2niix (and BIDS after it) writes NAME.json beside NAME.nii.gz with DICOM keywords. The table (CSV or Excel) has a
column ``file`` and columns named by DICOM keywords; if both state a value, the table counts. Both are treated like a
DICOM header, so that spectral series and localisers are refused here too.
"""

from __future__ import annotations

import fnmatch
import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from osteo_core.archives import is_there, local_file
from osteo_core.dicom.dates import as_age
from osteo_core.dicom.image_header import ImageHeader, image_header, voltages_kv
from osteo_core.imaging.files import VOLUME_SUFFIXES, sidecar_of
from osteo_core.limits import tables as limits
from osteo_core.tables.columns import Column, Day, Identifier, Number, OneOf
from osteo_core.tables.content import Refused
from osteo_core.tables.rows import Row, read_whole, refuse_rows

#: JSON files written by converters are a few kilobytes in size.
_MOST_JSON_BYTES = 2**20
#: Keywords of dcm2niix and BIDS that differ from DICOM.
_OTHER_KEYWORDS = {"ManufacturersModelName": "ManufacturerModelName", "XRayExposure": "Exposure"}
_CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
_AGENT = ("yes", "ja", "oui", "si", "mit", "enhanced", "1", "true", "有")
_SEXES = {"F": "F", "M": "M", "O": "O"}
_OTHER_SEXES = {
    **dict.fromkeys(("female", "woman", "weiblich", "w", "Frau", "femme", "féminin", "mujer", "femenino", "女"), "F"),
    **dict.fromkeys(("male", "man", "männlich", "Mann", "homme", "masculin", "hombre", "masculino", "男"), "M"),
}

COLUMNS: tuple[Column, ...] = (
    Column(name="file", words=("filename", "file name", "path", "image", "folder", "Datei", "fichier", "文件")),
    Column(
        name="KVP",
        kind=Number(low=limits.TUBE_VOLTAGE_LOW.value, high=limits.TUBE_VOLTAGE_HIGH.value, unit="kV"),
        words=("kV", "tube voltage", "Röhrenspannung", "tension du tube", "tensión del tubo", "管电压"),
        required=False,
        may_be_blank=True,
    ),
    *(
        Column(name=name, words=words, required=False, may_be_blank=True)
        for name, words in {
            "Manufacturer": ("vendor", "Hersteller", "fabricant", "fabricante", "厂家", "制造商"),
            "ManufacturerModelName": (
                "ManufacturersModelName",
                "model",
                "scanner",
                "Modell",
                "modèle",
                "modelo",
                "型号",
            ),
            "ConvolutionKernel": ("kernel", "Faltungskern", "noyau", "núcleo", "重建核"),
        }.items()
    ),
    Column(
        name="PatientID",
        kind=Identifier(),
        words=("patient id", "patient", "subject", "Patientennummer", "患者编号"),
        required=False,
        may_be_blank=True,
    ),
    Column(
        name="SliceThickness",
        kind=Number(low=0.1, high=20.0, unit="mm"),
        words=("thickness", "Schichtdicke", "épaisseur de coupe", "grosor de corte", "层厚"),
        required=False,
        may_be_blank=True,
    ),
    Column(
        name="PatientAge",
        kind=Number(low=0.0, high=120.0, unit="years", suffix="Y"),
        words=("age", "Alter", "âge", "edad", "年龄"),
        required=False,
        may_be_blank=True,
    ),
    Column(
        name="PatientSex",
        kind=OneOf(values=_SEXES, others=_OTHER_SEXES),
        words=("sex", "gender", "Geschlecht", "sexe", "sexo", "性别"),
        required=False,
        may_be_blank=True,
    ),
    Column(
        name="ContrastBolusAgent",
        words=("contrast", "contrast agent", "Kontrastmittel", "produit de contraste", "contraste", "造影剂"),
        required=False,
        may_be_blank=True,
    ),
    Column(
        name="StudyDate",
        kind=Day(),
        words=("date", "scan date", "Untersuchungsdatum", "date d'examen", "fecha", "检查日期"),
        required=False,
        may_be_blank=True,
    ),
)


@dataclass(frozen=True, kw_only=True)
class AboutRow:
    """One row of the table: the file or folder it refers to, and values by DICOM keyword."""

    line: int
    file: str
    stated: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class About:
    """A table about files. ``unused``: headings that are not used; ``path``: the table's own path."""

    path: Path | None = None
    rows: tuple[AboutRow, ...] = ()
    unused: tuple[str, ...] = ()

    def of(self, path: Path) -> Mapping[str, Any]:
        """The values of the first row that names a file, else of the first that names a folder above it; else empty."""
        meant = (row.stated for is_meant in (_names, fits) for row in self.rows if is_meant(row.file, path))
        return next(meant, {})

    def without_file(self, paths: Sequence[Path]) -> tuple[int, ...]:
        """The lines of rows that match none of these files."""
        return tuple(row.line for row in self.rows if not any(fits(row.file, path) for path in paths))


def read_about(path: Path) -> About:
    """The table. Raises TableError naming the unusable rows; then no row is used."""
    rows = read_whole(path, "table about files", COLUMNS, holds_patients=True)
    refuse_rows(f"table about files {path.name}", list(_contradicted(rows.taken)))
    return About(
        path=path,
        rows=tuple(AboutRow(line=row.line, file=row.cells["file"], stated=_stated(row.cells)) for row in rows.taken),
        unused=rows.unused,
    )


def _contradicted(rows: Sequence[Row]) -> Iterator[Refused]:
    """Rows about the same file or folder as one above, with other values."""
    held: dict[tuple[str, ...], Row] = {}
    for row in rows:
        first = held.setdefault(tuple(_parts(row.cells["file"].replace("\\", "/"))), row)
        if _stated(first.cells) != _stated(row.cells):
            yield Refused(line=row.line, why=f"the same file is in line {first.line} with other values")


def _stated(cells: Mapping[str, Any]) -> dict[str, Any]:
    stated = {name: value for name, value in cells.items() if name != "file" and value is not None}
    if "PatientAge" in stated:
        stated["PatientAge"] = as_age(stated["PatientAge"])
    if isinstance(stated.get("StudyDate"), date):
        stated["StudyDate"] = stated["StudyDate"].strftime("%Y%m%d")
    agent = stated.get("ContrastBolusAgent")
    if agent is not None and agent.casefold() in _AGENT:
        stated["ContrastBolusAgent"] = "stated"
    return stated


def fits(pattern: str, path: Path) -> bool:
    """Whether a row's file, folder or pattern (``*``, ``?``) matches this file, ignoring case and Unicode form.

    A name matches the file with or without its suffix, or a folder above it; paths are compared from the end.
    """
    wanted, parts = _parts(pattern.replace("\\", "/")), _parts(str(path))
    return _names(pattern, path) or any(_ends(wanted, parts[:end]) for end in range(len(wanted), len(parts)))


def _names(pattern: str, path: Path) -> bool:
    """Whether a row names this file itself, with or without its suffix."""
    wanted, parts = _parts(pattern.replace("\\", "/")), _parts(str(path))
    return _ends([*wanted[:-1], *map(_bare, wanted[-1:])], [*parts[:-1], *map(_bare, parts[-1:])])


@lru_cache(maxsize=65536)
def _parts(text: str) -> list[str]:
    return [_plain(part) for part in Path(text).parts]


def _ends(wanted: list[str], parts: list[str]) -> bool:
    own = parts[len(parts) - len(wanted) :] if len(parts) >= len(wanted) else []
    # '[' is literal: browsers name copies 'scan[1].nii.gz'.
    return bool(own) and all(map(fnmatch.fnmatchcase, own, (one.replace("[", "[[]") for one in wanted)))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _bare(name: str) -> str:
    suffix = next((suffix for suffix in VOLUME_SUFFIXES if name.endswith(suffix)), "")
    return name[: len(name) - len(suffix)]


def read_sidecar(path: Path) -> tuple[dict[str, Any], str]:
    """The values of the JSON file beside ``path`` by DICOM keyword, and why it cannot be read ('' if it can)."""
    beside = sidecar_of(path)
    try:
        if not is_there(beside):
            return {}, ""
        with local_file(beside) as local:
            if local.stat().st_size > _MOST_JSON_BYTES:
                return {}, "the JSON file beside it is larger than 1 MB"
            content = json.loads(local.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}, "the JSON file beside it cannot be read"
    if not isinstance(content, dict):
        return {}, "the JSON file beside it contains no keywords"
    stated = {_OTHER_KEYWORDS.get(str(key), str(key)): _value(value) for key, value in content.items()}
    return {key: value for key, value in stated.items() if value not in (None, "", [])}, ""


def _value(value: object) -> object:
    """Text, a number, or a list of them; None for anything else."""
    if isinstance(value, list):
        return [one for one in value if isinstance(one, str | int | float) and not isinstance(one, bool)]
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else None


@dataclass(frozen=True, kw_only=True)
class Stated:
    """All that is stated about one file: as a CT image header, its tube voltages, and remarks in words."""

    image: ImageHeader
    voltages_kv: tuple[float, ...]
    odd: tuple[str, ...] = ()


def stated_of(path: Path, about: About) -> Stated:
    """The values from JSON sidecar and table; the table counts where they differ."""
    beside, fault = read_sidecar(path)
    row = about.of(path)
    odd = [fault] if fault else []
    odd += [f"{key} differs between the JSON file and the table; the table counts" for key in _differing(beside, row)]
    source = {"Modality": "CT", **beside, "SOPClassUID": _CT_IMAGE_STORAGE, **row}
    image = image_header(source)
    return Stated(image=image, voltages_kv=voltages_kv(source), odd=tuple(odd))


def _differing(beside: Mapping[str, Any], row: Mapping[str, Any]) -> list[str]:
    compared = ("KVP", "Manufacturer", "ConvolutionKernel", "SliceThickness", "PatientAge", "PatientSex", "PatientID")
    return [key for key in compared if key in beside and key in row and _same(beside[key]) != _same(row[key])]


def _same(value: object) -> object:
    try:
        return float(str(value).rstrip("Yy"))
    except ValueError:
        return str(value).strip().casefold()

"""Each of our readers, with sound files to start from: whatever the bytes, it answers or refuses with a sentence."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import logging
import zipfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import SimpleITK as sitk  # noqa: N813

from commands.cluster.progress import read_progress
from db.backup import MANIFEST, restore
from db.parts import Part, read_part
from osteo_core.__main__ import main
from osteo_core.columns import TABLES
from osteo_core.density.calibration.known_phantoms import known_phantoms
from osteo_core.density.calibration.phantom import read_phantom_lines
from osteo_core.density.calibration.site import read_site_lines
from osteo_core.dicom.about import read_about
from osteo_core.dicom.find import find_series
from osteo_core.dicom.sites import read_sites
from osteo_core.dicom.volume import read_volume
from osteo_core.errors import BrokenPromiseError, OsteoError
from osteo_core.imaging.nifti import read_nifti_header, read_nifti_volume, write_nifti
from osteo_core.programme.cohort import CohortFilter
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.records import Geometry
from osteo_core.review.decisions import Decisions
from osteo_core.review.mask import read_sent_mask
from osteo_core.segmentation.find_masks import MaskFiles
from osteo_core.segmentation.masks import read_mask
from osteo_core.segmentation.naming import MaskTool
from osteo_core.settings import Settings, read_settings
from osteo_core.tables.qct import read_reference
from tests.builders.segs import write_seg
from tests.builders.series import CtSpec, write_series

PSEUDONYMS = Pseudonyms(bytes(range(32)))
GRID = Geometry(shape=(6, 5, 4), affine_lps=np.diag([1.0, 1.0, 2.0, 1.0]))
#: How a command reports a fault of the program itself; a reader reports none.
_FAULT = "internal error ("


@dataclass(frozen=True, kw_only=True)
class Reader:
    """``seeds`` makes sound contents in a folder; ``read`` reads any content, with a folder for its files.

    ``share`` is the fraction of the runs given to this reader: less for slow ones.
    """

    name: str
    seeds: Callable[[Path], list[bytes]]
    read: Callable[[bytes, Path], object]
    share: float = 1.0


def fault_of(reader: Reader, content: bytes, folder: Path) -> str:
    """The fault that the reader ended with: '' for an answer, or for a refusal that has a message."""
    try:
        reader.read(content, folder)
    except BrokenPromiseError as error:
        return f"BrokenPromiseError: {error}"
    except OsteoError as refused:
        return "" if str(refused).strip() else f"{type(refused).__name__} without a sentence"
    except Exception as error:  # any other exception is a finding
        return f"{type(error).__name__}: {error}"
    return ""


def _file(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def _ct(folder: Path, **spec: object) -> bytes:
    return write_series(folder / "sound", CtSpec(slices=1, columns=8, rows=8, **spec)).files[0].read_bytes()


def _dicom_seeds(folder: Path) -> list[bytes]:
    enhanced = write_series(folder / "enhanced", CtSpec(slices=3, columns=8, rows=8, is_enhanced=True))
    return [_ct(folder / "a"), _ct(folder / "b", has_preamble=False), enhanced.files[0].read_bytes()]


def _read_found(content: bytes, folder: Path, *, name: str) -> None:
    """Find the file as `index` does, and read its voxels as `analyze` does."""
    path = _file(folder, name, content)
    found = find_series([path], pseudonyms=PSEUDONYMS, settings=Settings())
    for series in (*found.series, *(one for one, _ in found.excluded)):
        read_volume(series)


def _nifti_seeds(folder: Path) -> list[bytes]:
    path = folder / "sound.nii.gz"
    write_nifti(path, np.arange(120, dtype=np.int16).reshape(GRID.shape) - 60, GRID)
    return [gzip.decompress(path.read_bytes())]


def _read_nifti(content: bytes, folder: Path) -> None:
    for path in (_file(folder, "a.nii", content), _file(folder, "b.nii.gz", gzip.compress(content, 1))):
        read_nifti_header(path)
        read_nifti_volume(path)


def _text_header_seeds(folder: Path) -> list[bytes]:
    image = sitk.GetImageFromArray(np.arange(120, dtype=np.int16).reshape(GRID.shape) - 60)
    for name, is_packed in (("a.mha", False), ("b.mha", True), ("a.nrrd", False), ("b.nrrd", True)):
        sitk.WriteImage(image, str(folder / name), is_packed)
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def _read_text_header(content: bytes, folder: Path) -> None:
    for path in (_file(folder, name, content) for name in ("a.mha", "b.mhd", "a.nrrd")):
        read_nifti_header(path)
        read_nifti_volume(path)


def _read_nifti_mask(content: bytes, folder: Path) -> None:
    read_mask(MaskFiles(files=(_file(folder, "mask.nii", content),), tool=MaskTool.TOTALSEGMENTATOR))


def _seg_seeds(folder: Path) -> list[bytes]:
    labels = np.zeros(GRID.shape, dtype=np.uint8)
    labels[2:4, 1:4, 1:3] = 20
    kinds = ("BINARY", "FRACTIONAL", "LABELMAP")
    return [write_seg(folder / f"{k}.dcm", labels, GRID, names={20: "L1"}, kind=k).read_bytes() for k in kinds]


def _read_seg(content: bytes, folder: Path) -> None:
    read_mask(MaskFiles(files=(_file(folder, "mask.dcm", content),), tool=MaskTool.NAMES))


def _sent_mask_seeds(folder: Path) -> list[bytes]:
    write_nifti(folder / "sent.nii.gz", np.full(GRID.shape, 20, dtype=np.uint8), GRID)
    return [(folder / "sent.nii.gz").read_bytes()]


def _zip_seeds(folder: Path) -> list[bytes]:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("ct/1.dcm", _ct(folder))
        archive.writestr("../out.txt", b"no")
    return [packed.getvalue()]


_QCT = "PatientID,Level,vBMD_mg_cm3,Mineral,Source\nA1,L1,120.5,K2HPO4,report\nA2,L2,98,HA,report\n"
_LINES = (
    "name,vendor,manufacturer_model_name,kvp,kernel_group,slope_mg_cm3_per_hu,intercept_mg_cm3,residual_sd_mg_cm3,"
    "mineral,source,valid_from,valid_to\nours,GE,,120,standard,0.81,-4.5,5.0,K2HPO4,pairs,2024-01-01,\n"
)
_RODS = (
    "scan_date,vendor,manufacturer_model_name,kvp,kernel_group,phantom,mineral,density_mg_cm3,mean_hu\n"
    "2026-01-02,GE,Revolution,120,standard,ours,K2HPO4,0,2\n2026-01-02,GE,Revolution,120,standard,ours,K2HPO4,100,131\n"
    "2026-01-02,GE,Revolution,120,standard,ours,K2HPO4,200,262\n"
)
_SITES = "what,value,site\ninstitution,Hospital A,north\nfolder,/data/b,south\n"
_ABOUT = "file,KVP,Manufacturer,PatientID\na.nii.gz,120,GE,P1\n"
_SETTINGS = 'workers = 2\nkey_file = "key"\nosteoporosis_below_mg_cm3 = 80.0\ncalibration_order = ["tissues"]\n'


def _text(*texts: str) -> Callable[[Path], list[bytes]]:
    """Tables as written by programs: commas, semicolons with decimal commas, tabs, byte order marks, encodings."""

    def seeds(_: Path) -> list[bytes]:
        text = texts[0]
        german = text.replace(",", ";").replace(".", ",")
        return [
            *(one.encode() for one in texts),
            b"\xef\xbb\xbf" + german.encode(),
            text.replace(",", "\t").encode("utf-16"),
            text.replace("GE", "Gerät ÄÖ").encode("latin-1"),
        ]

    return seeds


_SHEET_HEAD = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
_SHEET = (
    _SHEET_HEAD
    + b'<row r="1"><c r="A1" t="inlineStr"><is><t>PatientID</t></is></c><c r="B1" t="inlineStr"><is><t>Level'
    b'</t></is></c><c r="C1" t="inlineStr"><is><t>vBMD_mg_cm3</t></is></c></row><row r="2"><c r="A2"><v>17</v></c>'
    b'<c r="B2" t="inlineStr"><is><t>L1</t></is></c><c r="C2"><v>120.5</v></c></row></sheetData></worksheet>'
)
_BOOK = {
    "[Content_Types].xml": b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default '
    b'Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" '
    b'ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-'
    b'officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="'
    b'application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>',
    "_rels/.rels": b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship '
    b'Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/'
    b'workbook.xml"/></Relationships>',
    "xl/workbook.xml": b'<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://'
    b'schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="a" sheetId="1" r:id="rId1"/>'
    b"</sheets></workbook>",
    "xl/_rels/workbook.xml.rels": b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    b'<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" '
    b'Target="worksheets/sheet1.xml"/></Relationships>',
}


def _read_sheet(content: bytes, folder: Path) -> object:
    """The content as the XML of a sheet in a workbook: a changed byte in a packed one would just be a bad checksum."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as book:
        for name, part in _BOOK.items():
            book.writestr(name, part)
        book.writestr("xl/worksheets/sheet1.xml", content)
    return read_reference(_file(folder, "t.xlsx", packed.getvalue()), PSEUDONYMS)


def _part_seeds(folder: Path) -> list[bytes]:
    parquet.write_table(TABLES["events"].schema.empty_table(), folder / "events.parquet")
    parquet.write_table(TABLES["tissues"].schema.empty_table(), folder / "tissues.parquet", compression="none")
    return [(folder / f"{name}.parquet").read_bytes() for name in ("events", "tissues")]


def _read_part(content: bytes, folder: Path) -> object:
    digest = hashlib.sha256(content).hexdigest()
    return read_part(Part(path=_file(folder, f"events-{digest}.parquet", content)))


def _read_progress(content: bytes, folder: Path) -> object:
    _file(folder, "progress.json", content)
    return read_progress(folder)


def _restore(content: bytes, folder: Path) -> object:
    _file(folder, MANIFEST, content)
    return restore(folder, folder / "new")


def _command(content: bytes, folder: Path, *, name: str, arguments: tuple[str, ...]) -> None:
    """Run a command on the file, to its exit code. Raises RuntimeError if it reports an internal error."""
    path, said = _file(folder, name, content), io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        main([one.replace("FILE", str(path)).replace("FOLDER", str(folder)) for one in arguments])
    if _FAULT in said.getvalue() or "Traceback" in said.getvalue():
        raise RuntimeError(said.getvalue().strip().splitlines()[-1])


def _decisions(content: bytes, _: Path) -> object:
    try:
        given = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return Decisions.from_dict(given) if isinstance(given, dict) else None


_DECISIONS = (
    b'{"left_out": {"20": {"why": "metal", "words": "a"}}, "grades": {"21": 1}, "causes": {"22": "osteoporotic"}, '
    b'"phase": "native", "is_count_wrong": false}'
)
_INDEX = ("index", "FILE", "--store", "FOLDER/store")
READERS: tuple[Reader, ...] = (
    Reader(name="dicom", seeds=_dicom_seeds, read=partial(_read_found, name="a.dcm")),
    Reader(name="nifti", seeds=_nifti_seeds, read=_read_nifti),
    Reader(name="text header", seeds=_text_header_seeds, read=_read_text_header),
    Reader(name="nifti mask", seeds=_nifti_seeds, read=_read_nifti_mask),
    Reader(name="seg", seeds=_seg_seeds, read=_read_seg),
    Reader(name="sent mask", seeds=_sent_mask_seeds, read=lambda content, _: read_sent_mask(content, GRID)),
    Reader(name="zip", seeds=_zip_seeds, read=partial(_read_found, name="a.zip")),
    Reader(name="QCT", seeds=_text(_QCT), read=lambda c, f: read_reference(_file(f, "t.csv", c), PSEUDONYMS)),
    Reader(name="sheet", seeds=lambda _: [_SHEET], read=_read_sheet),
    Reader(name="lines", seeds=_text(_LINES), read=lambda c, f: read_site_lines(_file(f, "t.csv", c))),
    Reader(name="rods", seeds=_text(_RODS), read=lambda c, f: read_phantom_lines(_file(f, "t.csv", c))),
    Reader(name="phantoms", seeds=_text(_RODS), read=lambda c, f: known_phantoms(str(_file(f, "t.csv", c)))),
    Reader(name="sites", seeds=_text(_SITES), read=lambda c, f: read_sites(str(_file(f, "t.csv", c)))),
    Reader(name="about", seeds=_text(_ABOUT), read=lambda c, f: read_about(_file(f, "t.csv", c))),
    Reader(
        name="settings",
        seeds=lambda _: [_SETTINGS.encode()],
        read=lambda c, f: read_settings(_file(f, "osteo.toml", c), environment={}),
    ),
    Reader(name="part", seeds=_part_seeds, read=_read_part),
    Reader(
        name="progress",
        seeds=lambda _: [b'{"stage": "analyze", "done": 3, "total": 9, "pid": 4, "started_at": 1.5, "message": ""}'],
        read=_read_progress,
    ),
    Reader(name="backup", seeds=lambda _: [b'{"at": "2026-01-01", "parts": ["events-0.parquet"]}'], read=_restore),
    Reader(
        name="address",
        seeds=lambda _: [b"?sex=F&sex=M&age_from=60&vendor=GE&from=2024-01-01&q=abc&category=osteoporosis"],
        read=lambda content, _: CohortFilter.from_query(content.decode("utf-8", "replace")),
    ),
    Reader(name="decisions", seeds=lambda _: [_DECISIONS], read=_decisions),
    Reader(
        name="command index", seeds=_dicom_seeds, read=partial(_command, name="a.dcm", arguments=_INDEX), share=0.01
    ),
    Reader(
        name="command reference",
        seeds=_text(_QCT),
        read=partial(_command, name="t.csv", arguments=("reference", "FILE", "--store", "FOLDER/store")),
        share=0.01,
    ),
    Reader(
        name="command phantom", seeds=_text(_RODS), read=partial(_command, name="t.csv", arguments=("phantom", "FILE"))
    ),
)


def named(name: str) -> Reader:
    """The reader with that name."""
    return next(one for one in READERS if one.name == name)


logging.getLogger("nibabel").setLevel(logging.CRITICAL)

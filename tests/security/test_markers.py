"""Marked identifiers: put into headers, names of files and folders, tables and notes, and searched for in everything
written and served. Names of folders and files may occur in the store's own tables of files, since files are read again
from there, and nowhere else. Text typed into a note is in the store and on the page, and in no other file.
"""

from __future__ import annotations

import gzip
import io
import logging
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as parquet
import pytest
from pydicom import Dataset
from streamlit.testing.v1 import AppTest

import app
from benchmarks.crash.scenarios import MODELS, workers_within
from commands import pacs
from commands.analyze import analyze
from commands.process import process
from db.events import record
from osteo_core.__main__ import main
from osteo_core.records import Event
from osteo_core.settings import Settings
from tests.builders.pacs import TITLE, FakePacs
from tests.builders.sending import build_sending_store
from tests.builders.series import CtSpec, write_series
from tests.pages.conftest import in_store, open_page

__all__ = ["in_store", "open_page"]

#: What the headers say about the person; each value can be searched for, and occurs nowhere else in this program.
HEADER = {
    "PatientName": "Zzmarkname^Zzmarkgiven",
    "PatientID": "ZZMARKID7",
    "PatientBirthDate": "19370917",
    "AccessionNumber": "ZZMARKACC",
    "OtherPatientIDs": "ZZMARKOTHERID",
    "PatientAddress": "Zzmarkstreet 7",
    "PatientTelephoneNumbers": "0049-9970011",
    "PatientComments": "Zzmarkcomment",
    "PatientMotherBirthName": "Zzmarkmother",
    "MedicalRecordLocator": "ZZMARKRECORD",
    "ReferringPhysicianName": "Zzmarkreferrer",
    "PerformingPhysicianName": "Zzmarkperformer",
    "OperatorsName": "Zzmarkoperator",
    "RequestingPhysician": "Zzmarkrequester",
    "InstitutionName": "Zzmarkhospital",
    "InstitutionAddress": "Zzmarkcity",
    "StudyDescription": "Zzmarkstudydescription",
    "SeriesDescription": "Zzmarkseriesdescription",
    "ProtocolName": "Zzmarkprotocol",
    "ImageComments": "Zzmarkimagecomment",
    "AdmissionID": "ZZMARKADM",
    "StudyID": "ZZMARKSID",
    "DeviceSerialNumber": "ZZMARKSERIAL",
    "StationName": "ZZMARKSTATION",
}
PATHS = {"folder": "Zzmarkfolder", "file": "zzmarkfile"}
NOTE = "Zzmarknote"
TABLE = "Zzmarktable"
#: Searchable in any bytes; a name is written in parts.
MARKS = {name: part for name, text in HEADER.items() for part in [text.split("^")[0]]} | PATHS | {"table": TABLE}


@dataclass(frozen=True, kw_only=True)
class Site:
    """The store and everything that left it: files by folder, terminal output and logs."""

    place: Path
    settings: Settings
    said: str

    @property
    def outside(self) -> Iterator[Path]:
        """Every file that leaves the store."""
        for folder in ("export", "process", "backup"):
            yield from (file for file in (self.place / folder).rglob("*") if file.is_file())


def _marked(data: Dataset, _: int) -> None:
    for keyword, text in HEADER.items():
        setattr(data, keyword, text)


def _say(*arguments: str) -> str:
    """The output of a command on both streams."""
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        main(list(arguments))
    return out.getvalue()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site that has done everything once: indexed, analyzed, noted, imported, exported, processed, checked."""
    place = tmp_path_factory.mktemp("site")
    settings = Settings(store=place / "store", key_file=place / "key", workers=1)
    ct = place / "ct" / PATHS["folder"]
    spec = CtSpec(slices=44, step_mm=4.0, thickness_mm=4.0, columns=48, rows=48, change=_marked)
    built = write_series(ct / "sound", spec)
    for number, file in enumerate(built.files):
        file.rename(file.with_name(f"{PATHS['file']}{number}.dcm"))
    (ct / f"{PATHS['file']}_damaged.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 400)
    write_series(ct / "faulty", CtSpec(series_uid="1.2.3.9", missing=(3, 4), change=_marked))
    table = place / "qct.csv"
    lines = [f"{HEADER['PatientID']},L1,120,K2HPO4,{TABLE} report", f"{TABLE},L1,999999,K2HPO4,x"]
    table.write_text("\n".join(["PatientID,Level,vBMD_mg_cm3,Mineral,Source", *lines]) + "\n")

    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.DEBUG)
    try:
        said = _site_day(place, settings, ct, table)
    finally:
        logging.getLogger().removeHandler(handler)
    return Site(place=place, settings=settings, said=said + log.getvalue())


def _site_day(place: Path, settings: Settings, ct: Path, table: Path) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OSTEO_STORE", str(settings.store))
        patch.setenv("OSTEO_KEY_FILE", str(settings.key_file))
        said = _say("index", str(ct))
        with workers_within():
            analyze(settings.store, settings=settings, models=MODELS)
        said += _say("reference", str(table))  # refused: one row has no valid value
        event = Event(event_id="1", kind="note", series_key="", author="AB", at=datetime.now(UTC), reason=NOTE)
        record(settings.store, event)
        for command in (
            ["check"],
            ["export", "--out", str(place / "export")],
            ["backup", "--to", str(place / "backup")],
        ):
            said += _say(*command)
        with workers_within():
            process([ct], place / "process", settings=settings, models=MODELS)
        return said + _say("find", str(ct)) + _say("process", str(ct / "nowhere"), "--out", str(place / "no"))


def strings_of(file: Path) -> bytes:
    """Everything readable in a file: its bytes, decompressed, and the text of every table in it."""
    raw = file.read_bytes()
    found = [raw]
    if file.suffix == ".gz":
        found.append(gzip.decompress(raw))
    elif file.suffix == ".parquet":
        found.append(repr(parquet.read_table(file).to_pydict()).encode())
        found.append(repr(parquet.read_schema(file).metadata).encode())
    elif file.suffix == ".duckdb":
        found.append(database_text(file))
    elif raw[:2] == b"\x78\x9c":
        found.append(zlib.decompress(raw))
    return b"\0".join(found)


def database_text(file: Path, *, without: tuple[str, ...] = ()) -> bytes:
    """Every row of every table of a DuckDB file except those named."""
    with duckdb.connect(str(file), read_only=True) as connection:
        tables = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        return b"\0".join(
            repr(connection.execute(f'SELECT COLUMNS(*)::VARCHAR FROM "{name}"').fetchall()).encode()
            for name in tables
            if name not in without
        )


def marks_in(content: bytes, *, also: tuple[str, ...] = ()) -> set[str]:
    lower = content.lower()
    return {name for name, text in MARKS.items() if text.lower().encode() in lower} | {
        t for t in also if t.lower().encode() in lower
    }


def test_the_site_did_what_is_looked_at(site: Site) -> None:
    names = {file.name for file in site.outside}
    assert {"series.csv", "series.parquet", "summary.html"} <= names
    assert len(list((site.settings.store).rglob("*.parquet"))) > 10
    with duckdb.connect(str(site.settings.store / "osteo.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM results").fetchone() == (1,)


def test_nothing_that_leaves_the_store_names_a_person_a_folder_or_a_file(site: Site) -> None:
    for file in site.outside:
        own = file.relative_to(site.place)
        if own.parts[0] == "backup":  # a copy of the store
            continue
        # ``process`` names a file that states no UID by its stem, so that its user can find that file.
        allowed = {"file"} if own.parts[0] == "process" else set()
        assert marks_in(strings_of(file), also=(NOTE,)) <= allowed, own


def test_names_of_files_that_leave_name_nobody(site: Site) -> None:
    assert marks_in("\n".join(str(file.relative_to(site.place)) for file in site.outside).encode()) == set()


def test_nothing_that_is_said_or_logged_names_a_person(site: Site) -> None:
    assert (
        marks_in(site.said.replace(str(site.place / "ct" / PATHS["folder"]), "FOLDER").encode(), also=(NOTE,)) == set()
    )


def test_the_store_holds_no_mark_but_paths_in_its_tables_of_files(site: Site) -> None:
    allowed = set(PATHS)
    for file in site.settings.store.rglob("*"):
        if file.is_file():
            held = marks_in(strings_of(file))
            is_of_files = file.suffix == ".duckdb" or "files" in file.name or "files" in file.parent.name
            assert held <= (allowed if is_of_files else set()), file.relative_to(site.settings.store)
    database = database_text(site.settings.store / "osteo.duckdb", without=("files",))
    assert marks_in(database) == set()


def test_what_is_sent_to_the_pacs_names_the_patient_there_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    build_sending_store(tmp_path, count=1, change=_marked)
    with FakePacs(answer=lambda n: (None, 0xA700, 0xC000)[n] if n < 3 else 0x0000) as taker:
        monkeypatch.setenv("OSTEO_PACS_HOST", "127.0.0.1")
        monkeypatch.setenv("OSTEO_PACS_PORT", str(taker.port))
        monkeypatch.setenv("OSTEO_PACS_AE_TITLE", TITLE)
        monkeypatch.setattr(pacs, "PAUSES_S", (0.0, 0.0))
        command = ("send", "--store", str(tmp_path / "store"))
        said = _say(*command) + _say(*command)
    assert "1 failed" in said
    assert "1 signed read (2 objects) sent" in said
    assert all({"PatientName", "PatientID"} <= marks_in(repr(made).encode()) for made in taker.held.values())
    said += _say("export", "--store", str(tmp_path / "store"), "--out", str(tmp_path / "export"))
    assert marks_in((said + caplog.text).encode()) == set()
    for file in (*(tmp_path / "store").rglob("*"), *(tmp_path / "export").iterdir()):
        if file.is_file():
            assert marks_in(strings_of(file)) == set(), file.name
    left = b"".join(strings_of(file) for file in (tmp_path / "export").iterdir())
    assert not any(uid.encode() in left for uid in taker.held)
    assert TITLE.encode() in left


ROUTES = [screen.script for screen in app.PAGES]


@pytest.mark.parametrize("script", ROUTES)
def test_no_page_serves_a_mark(
    site: Site, open_page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str
) -> None:
    monkeypatch.setenv("OSTEO_KEY_FILE", str(site.settings.key_file))
    store = tmp_path / "store"
    shutil.copytree(site.settings.store, store)
    with duckdb.connect(str(store / "osteo.duckdb"), read_only=True) as connection:
        (key,) = connection.execute("SELECT series_key FROM results").fetchall()[0]
    page = open_page(store, script, **({"series": key} if "patient" in script else {}))
    assert not page.exception
    assert marks_in(served(page)) == set()
    assert len(served(page)) > 500


def served(page: AppTest) -> bytes:
    """Everything that the page sends to the browser, tables included."""
    sent: list[bytes] = []

    def walk(node: object) -> None:
        proto = getattr(node, "proto", None)
        if proto is not None and hasattr(proto, "SerializeToString"):
            sent.append(proto.SerializeToString())
        for child in getattr(node, "children", {}).values():
            walk(child)

    walk(page._tree)
    return b"\0".join(sent)

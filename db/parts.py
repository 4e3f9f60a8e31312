"""Parts: Parquet files that any process may leave in a store's inbox, named by kind and SHA-256 of their bytes.

A part is written to a temporary name and renamed, so whoever lists the inbox sees whole files only;
the same content has the same name, so leaving it twice changes nothing. This module needs no database:
workers on other machines use it over a shared folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet

from osteo_core.columns import TABLES
from osteo_core.errors import BrokenPromiseError, OsteoError
from osteo_core.whole_files import write_bytes

INBOX = "inbox"
PARTS = "parts"
QUARANTINE = "quarantine"
SNAPSHOT = "snapshot"
#: Masks, and outlines that readers corrected.
MEDIA = "media"
#: Folders whose files begin with the key of their series: masks, and the CT as readers' screens show it.
IMAGES = (MEDIA, "pictures")
SUFFIX = ".parquet"


class PartError(OsteoError):
    """A part that cannot be taken in, and why; it is set aside and the others go on."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part on disk."""

    path: Path

    @property
    def name(self) -> str:
        """``KIND-SHA256``."""
        return self.path.stem

    @property
    def kind(self) -> str:
        """The kind stated by the name."""
        return self.name.rpartition("-")[0]

    @property
    def sha256(self) -> str:
        """The hash stated by the name."""
        return self.name.rpartition("-")[2]


def write_part(store_dir: Path, kind: str, table: pa.Table) -> Path:
    """Write ``table`` to the inbox as one part; returns its path.

    Raises BrokenPromiseError if the columns are not those of ``kind``, which is a bug of this program.
    """
    if kind not in TABLES:
        raise BrokenPromiseError(f"there is no kind of part '{kind}'; known are {sorted(TABLES)}")
    if table.schema.names != TABLES[kind].schema.names:
        raise BrokenPromiseError(
            f"a part of kind {kind} has columns {TABLES[kind].schema.names}, got {table.schema.names}"
        )
    buffer = io.BytesIO()
    parquet.write_table(table.cast(TABLES[kind].schema), buffer, compression="zstd")
    content = buffer.getbuffer()
    inbox = store_dir / INBOX
    path = inbox / f"{kind}-{hashlib.sha256(content).hexdigest()}{SUFFIX}"
    write_bytes(path, content)
    return path


def write_parts(store_dir: Path, tables: Mapping[str, pa.Table]) -> None:
    """Write these tables to the inbox, one part per kind, in their order; a table without rows is left out."""
    for kind, table in tables.items():
        if len(table):
            write_part(store_dir, kind, table)


def waiting_parts(store_dir: Path) -> list[Part]:
    """Parts in the inbox. A result is listed only if everything that belongs to it is listed too.

    A worker writes the result's row last, so the names are read twice: results from the first reading,
    everything else from the second.
    """
    inbox = store_dir / INBOX
    first = _names(inbox)
    results = {name for name in first if name.startswith("results-")}
    others = {name for name in _names(inbox) if not name.startswith("results-")}
    return [Part(path=inbox / name) for name in sorted(others | results)]


def kept_parts(store_dir: Path) -> list[Part]:
    """All parts that were taken in, in order of their names."""
    return [Part(path=path) for path in sorted((store_dir / PARTS).glob(f"*/*/*{SUFFIX}"))]


def as_written(given: Iterable[Part]) -> list[Part]:
    """Parts in the order in which they were written: of rows with the same key the first stays, always the same one."""
    return sorted(given, key=lambda part: (part.path.stat().st_mtime_ns, part.name))


def any_kept(store_dir: Path) -> bool:
    """Whether any part was ever taken in."""
    return any((store_dir / PARTS).glob(f"*/*/*{SUFFIX}"))


def parts_aside(store_dir: Path) -> list[Part]:
    """All parts that were set aside, in order of their names."""
    return [Part(path=path) for path in sorted((store_dir / QUARANTINE).glob(f"*{SUFFIX}"))]


def _names(inbox: Path) -> set[str]:
    if not inbox.is_dir():
        return set()
    with os.scandir(inbox) as entries:
        return {entry.name for entry in entries if entry.name.endswith(SUFFIX) and not entry.name.startswith(".")}


def read_part(part: Part) -> pa.Table:
    """The rows of a part with the columns of its kind; columns that an older program did not know are null.

    Raises PartError for an unknown kind, a hash that is not the name's, a damaged file, or a column
    that this program does not know.
    """
    if part.kind not in TABLES:
        raise PartError(f"its name gives no known kind; known kinds are {sorted(TABLES)}")
    content = part.path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != part.sha256:
        raise PartError(f"its content has hash {found[:12]}, its name says {part.sha256[:12]}: the file is damaged")
    schema = TABLES[part.kind].schema
    with _told_from_damage(part):
        table = parquet.ParquetFile(io.BytesIO(content)).read(use_threads=False)  # small files: threads cost more
        unknown = sorted(set(table.schema.names) - set(schema.names))
        if unknown:
            raise PartError(f"it has columns {unknown} that this program does not know; update the program")
        columns = [
            table.column(field.name) if field.name in table.schema.names else pa.nulls(len(table), field.type)
            for field in schema
        ]
        return pa.table(columns, names=schema.names).cast(schema)


def row_count(part: Part) -> int:
    """The number of rows stated in a part. Raises PartError if it cannot be read."""
    with _told_from_damage(part):
        return int(parquet.read_metadata(part.path).num_rows)


@contextlib.contextmanager
def _told_from_damage(part: Part) -> Iterator[None]:
    """Turn errors of a damaged file into PartError; a lack of memory is not the file's fault and stays MemoryError."""
    try:
        yield
    except (MemoryError, PartError):
        raise
    except (pa.ArrowException, OSError, ValueError, LookupError) as error:  # a damaged footer may be any of them
        raise PartError(f"it cannot be read as a part of kind {part.kind} ({type(error).__name__}: {error})") from error


def keep(store_dir: Path, part: Part) -> Part:
    """Move a part that was taken in from the inbox to ``parts/KIND/XX/``."""
    folder = store_dir / PARTS / part.kind / part.sha256[:2]
    folder.mkdir(parents=True, exist_ok=True)
    return Part(path=part.path.replace(folder / part.path.name))


def set_aside(store_dir: Path, part: Part, reason: str) -> Path:
    """Move a part that cannot be taken in to ``quarantine/``, with the reason in a text file beside it."""
    folder = store_dir / QUARANTINE
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / part.path.name
    target.with_suffix(".txt").write_text(reason + "\n", encoding="utf-8")
    part.path.replace(target)
    return target


def _put_beside(store_dir: Path, written: Part, earlier: Part) -> Part:
    """Move a part from the inbox to the folder of the earlier part that it replaces."""
    if earlier.path.parent.name == QUARANTINE:
        reason = earlier.path.with_suffix(".txt")
        words = reason.read_text(encoding="utf-8").strip() if reason.exists() else "set aside before"
        return Part(path=set_aside(store_dir, written, words))
    if earlier.path.parent.name == INBOX:
        return written
    return keep(store_dir, written)


def rewrite(store_dir: Path, part: Part, left: pa.Table) -> Part | None:
    """Replace a part by one with these of its rows, in the same folder and of the same time; None if no row is left."""
    found = None
    if len(left):
        written = Part(path=write_part(store_dir, part.kind, left))
        os.utime(written.path, ns=(part.path.stat().st_atime_ns, part.path.stat().st_mtime_ns))
        found = _put_beside(store_dir, written, part)
    _remove(part)
    return found


def _remove(part: Part) -> None:
    """Remove a part, with the reason why it was set aside."""
    part.path.unlink(missing_ok=True)
    if part.path.parent.name == QUARANTINE:
        part.path.with_suffix(".txt").unlink(missing_ok=True)


def put_back(store_dir: Path, part: Part) -> None:
    """Put a part that was set aside back in the inbox, to be taken in if possible now."""
    (store_dir / INBOX).mkdir(parents=True, exist_ok=True)
    part.path.replace(store_dir / INBOX / part.path.name)
    part.path.with_suffix(".txt").unlink(missing_ok=True)


def quarantined(store_dir: Path) -> list[tuple[str, str]]:
    """(name, reason) of every part that was set aside."""
    reasons = sorted((store_dir / QUARANTINE).glob("*.txt"))
    return [(path.stem, path.read_text(encoding="utf-8").strip()) for path in reasons]

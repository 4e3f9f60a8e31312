"""Backup and restore: a store is its parts, so a backup is a copy of them, taken while the store is in use.

Parts never change and are named by their hash; the database can be rebuilt from them. How they and the other files are
copied: db/copies.py.

A backup may be the only copy of a lost store, so it drops only rows that the store still has in another part, as after
compacting, and erased ones.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from db import check, copies, parts
from db.border import translated
from db.chain import ERASURE_KIND
from db.copies import MANIFEST, Manifest
from db.erased import refuse_half_erased
from db.finding import Finding
from db.key import KEY_FILE, has_data
from db.leftovers import remove_old_restores, unfinished_name
from db.parts import MEDIA, PARTS, Part, PartError
from osteo_core.columns import TABLES
from osteo_core.errors import StoreError, UsageError
from osteo_core.whole_files import write_text

#: Key columns that distinguish rows of one result, one header reading or one import. All of these rows are in one part,
#: so finding one of them is enough.
_WITHIN = ("path", "level", "name", "position")
_INSTEAD = (
    "name the right store with --store or another folder with --to, restore the backup if the store lost what it "
    "held, or discard what the backup holds with --replace"
)


@dataclass(frozen=True, kw_only=True)
class Backup:
    """What a backup holds: number of parts and media files, and when it was taken."""

    parts: int
    media: int
    at: datetime


def back_up(store_dir: Path, to_dir: Path, *, replace: bool = False) -> Backup:
    """Copy the store to ``to_dir``, where a later backup adds what is new and removes what is gone.

    The pseudonym key is not part of it. ``replace``: any backup in the folder may be discarded. Raises UsageError if
    there is no store, the folder holds other things, or its backup holds data that the store neither has nor erased;
    nothing is changed then. Raises StoreError if a file cannot be copied, or while an erasure is under way.
    """
    if not has_data(store_dir):
        raise UsageError(f"there is no store with data at {store_dir}; name it with --store")
    refuse_half_erased(store_dir)
    store_dir, to_dir = store_dir.resolve(), to_dir.resolve()
    if to_dir == store_dir or store_dir in to_dir.parents:
        raise UsageError(f"{to_dir} lies in the store itself; name a folder outside of it, on another disk")
    is_used = to_dir.exists() and any(to_dir.iterdir())
    if is_used and not (to_dir / MANIFEST).exists():
        raise UsageError(f"{to_dir} holds other files; name an empty folder or an earlier backup")
    with translated(to_dir, "backing up to"):
        earlier = Manifest() if replace else copies.earlier_manifest(to_dir)
        gone = _gone(store_dir, to_dir)
        if not replace:
            _refuse_another_key(store_dir, to_dir)
            _refuse_loss(store_dir, to_dir, gone)
        copies.begin(to_dir)
        chain = copies.copy_chain(store_dir, to_dir) or earlier.chain
        held = copies.copy_parts(store_dir, to_dir)
        refuse_half_erased(store_dir)
        # A part that the store merged or rewrote during this backup stays until the next one: only then is it certain
        # that the part with its rows was copied.
        staying = {part.path.name for part in _parts_in(to_dir)} - {part.path.name for part in gone}
        names = sorted({*held, *staying})
        media = copies.copy_media(store_dir, to_dir, earlier.media)
        if replace:
            (to_dir / KEY_FILE).unlink(missing_ok=True)
        copies.copy_file(store_dir / KEY_FILE, to_dir / KEY_FILE)
        copies.mend_parts(store_dir, to_dir, names)
        _check_parts(to_dir, names)
        at = datetime.now(UTC)
        said = {"at": at.isoformat(), "parts": names, "chain": chain, "media": media}
        write_text(to_dir / MANIFEST, json.dumps(said, indent=1) + "\n")
        # Last: a backup killed before this point lists no missing part.
        for folder, wanted in ((PARTS, set(names)), (MEDIA, set(media))):
            copies.remove_others(to_dir / folder, wanted)
        copies.remove_other_chains(to_dir, chain)
    return Backup(parts=len(names), media=len(media), at=at)


def restore(from_dir: Path, store_dir: Path) -> tuple[Finding, ...]:
    """Restore the store from a backup, made visible in one final step; returns the findings of a check.

    A mask that does not match the backup's list is left out, and a finding names it. Raises UsageError if there is no
    complete backup, or the store is not empty; StoreError for a damaged part or chain of the backup.
    """
    said = copies.read_manifest(from_dir)
    store_dir = store_dir.resolve()  # one that a link leads to is made where it leads
    if store_dir.exists() and any(store_dir.iterdir()):
        raise UsageError(f"{store_dir} is not empty; restore into a new folder with --store")
    _check_parts(from_dir, said.parts)
    chain = copies.check_chain(from_dir, said.chain)
    remove_old_restores(store_dir)
    fresh = unfinished_name(store_dir, uuid.uuid4().hex[:8])
    with translated(store_dir, "restoring"):
        try:
            for name in said.parts:
                copies.copy_file(from_dir / PARTS / name, fresh / parts.INBOX / name)
            masks = _restore_media(from_dir, fresh, said.media)
            copies.copy_file(from_dir / KEY_FILE, fresh / KEY_FILE)
            for name in said.parts:
                parts.keep(fresh, Part(path=fresh / parts.INBOX / name))
            found = check.rebuild_store(fresh, chain_file=chain)
            if store_dir.exists():
                store_dir.rmdir()
            fresh.rename(store_dir)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
    return (masks, *found)


def _restore_media(from_dir: Path, fresh: Path, known: Mapping[str, str] | None) -> Finding:
    """Copy the masks, and report those that differ from what was backed up."""
    (fresh / MEDIA).mkdir(parents=True, exist_ok=True)
    names = [p.name for p in (from_dir / MEDIA).glob("*") if p.is_file()] if known is None else list(known)
    for name in names:
        copies.copy_file(from_dir / MEDIA / name, fresh / MEDIA / name)
    if known is None:
        words = f"{len(names)}; an older program made this backup, so they cannot be verified"
        return Finding(name="masks", ok=True, message=words)
    damaged = [n for n in names if not (fresh / MEDIA / n).exists() or copies.hash_of(fresh / MEDIA / n) != known[n]]
    for name in damaged:
        (fresh / MEDIA / name).unlink(missing_ok=True)
    words = f"{len(names) - len(damaged)}, each matches its hash"
    if damaged:
        words += f"; damaged in the backup, so left out: {', '.join(damaged)}; look for them in another backup"
    return Finding(name="masks", ok=not damaged, message=words)


def _parts_in(to_dir: Path) -> list[Part]:
    """Parts in the backup, without half-written ones."""
    found = sorted((to_dir / PARTS).glob(f"*{parts.SUFFIX}"))
    return [Part(path=path) for path in found if not path.name.startswith(".")]


def _gone(store_dir: Path, to_dir: Path) -> list[Part]:
    """Parts of the backup that the store does not have."""
    held = copies.parts_held(store_dir)
    return [part for part in _parts_in(to_dir) if part.path.name not in held]


def _refuse_another_key(store_dir: Path, to_dir: Path) -> None:
    """Raise UsageError if store and backup have fingerprints of different keys."""
    own, other = store_dir / KEY_FILE, to_dir / KEY_FILE
    if own.exists() and other.exists() and own.read_bytes() != other.read_bytes():
        raise UsageError(
            f"expected in {to_dir} an earlier backup of the store {store_dir}, found one with another pseudonym key "
            f"({KEY_FILE}); {_INSTEAD}"
        )


def _refuse_loss(store_dir: Path, to_dir: Path, gone: Sequence[Part]) -> None:
    """Raise UsageError if the backup holds data that the store neither has nor erased.

    An erasure records how many series it removed, not which: that many may be missing.
    """
    # A part that the store refused for its content is in its quarantine; one that was damaged there is checked.
    aside = {path.name for path in (store_dir / parts.QUARANTINE).glob(f"*{parts.SUFFIX}") if copies.is_whole(path)}
    series, patients = _lost(store_dir, to_dir, [part for part in gone if part.path.name not in aside])
    series |= _series_of_lost_masks(store_dir, to_dir)
    if not series and not patients:
        return
    erased = _erased(store_dir)
    if len(series) <= sum(erased.values()) and len(patients) <= len(erased):
        return
    raise UsageError(
        f"expected in {to_dir} an earlier backup of the store {store_dir}, found data of "
        f"{len(series | patients)} series or patients that this store does not hold and did not erase; {_INSTEAD}"
    )


def _lost(store_dir: Path, to_dir: Path, gone: Sequence[Part]) -> tuple[set[str], set[str]]:
    """Series, and patients with QCT values, for which these parts hold data that the store does not have."""
    kept = parts.kept_parts(store_dir)
    kept.sort(key=lambda part: (to_dir / PARTS / part.path.name).exists())  # merged ones are new: they come first
    series: set[str] = set()
    patients: set[str] = set()
    for kind in sorted({part.kind for part in gone}):
        left: dict[tuple[Any, ...], str] = {}
        for part in gone:
            if part.kind == kind:
                left |= _entries(kind, _rows_of_backup(part, to_dir))
        for rows in _rows_of_store(kept, kind):
            for entry in _entries(kind, rows):
                left.pop(entry, None)
            if not left:
                break
        (patients if kind == "reference_values" else series).update(left.values())
    return series, patients


def _rows_of_backup(part: Part, to_dir: Path) -> pa.Table:
    try:
        return parts.read_part(part)
    except PartError as fault:
        raise UsageError(
            f"expected in {to_dir} parts of the store only, found {part.name[:24]}, which the store does not have "
            f"and which cannot be read: {fault}; {_INSTEAD}"
        ) from fault


def _rows_of_store(kept: Sequence[Part], kind: str) -> Iterator[pa.Table]:
    """Rows of the parts of a kind; rows of a damaged part count as missing, and `check` reports it."""
    for part in kept:
        if part.kind == kind:
            with contextlib.suppress(PartError):
                yield parts.read_part(part)


def _entries(kind: str, rows: pa.Table) -> dict[tuple[Any, ...], str]:
    """What the rows are about: results, header readings, imports or notes, each with its series, else its patient."""
    names = [name for name in TABLES[kind].key if name not in _WITHIN]
    about = "series_key" if "series_key" in rows.schema.names else "patient_key"
    entries = zip(*(rows.column(name).to_pylist() for name in names), strict=True)
    return dict(zip(entries, rows.column(about).to_pylist(), strict=True))


def _series_of_lost_masks(store_dir: Path, to_dir: Path) -> set[str]:
    """Series of masks that only the backup has; mask names begin with the series. Half-written files do not count."""
    masks = [path.name for path in (to_dir / MEDIA).glob("*") if not path.name.startswith(".")]
    return {name.partition("_")[0] for name in masks if not (store_dir / MEDIA / name).exists()}


def _erased(store_dir: Path) -> dict[str, int]:
    """Number of series removed by each erasure of this store, by its event."""
    events = (row for rows in _rows_of_store(parts.kept_parts(store_dir), "events") for row in rows.to_pylist())
    erasures = (row for row in events if row["kind"] == ERASURE_KIND)
    return {row["event_id"]: int(json.loads(row["payload_json"])["series"]) for row in erasures}


def _check_parts(folder: Path, names: list[str]) -> None:
    for name in names:
        if not copies.is_whole(folder / PARTS / name):
            raise StoreError(f"part {name[:24]} in {folder} is missing or damaged; use another backup")

"""Backup and restore: a store is its parts, so a backup is a copy of them, taken while the store is in use.

Parts never change and are named by their hash; the database is made anew from them. A part moves from the inbox to
``parts`` at most once, so the inbox is copied first: what has left it by then is found where it went.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from db import check, parts, snapshot
from db.border import translated
from db.key import KEY_FILE, has_data
from db.parts import Part
from osteo_core.errors import StoreError, UsageError
from osteo_core.whole_files import write_text, writing

MANIFEST = "backup.json"
_CHAIN = "chain.parquet"
_MEDIA = "media"


@dataclass(frozen=True, kw_only=True)
class Backup:
    """What a backup holds: number of parts and media files, and when it was taken."""

    parts: int
    media: int
    at: datetime


def back_up(store_dir: Path, to_dir: Path) -> Backup:
    """Copy the store to ``to_dir``, where a later backup adds what is new and removes what is gone.

    The pseudonym key is no part of it. Raises UsageError where there is no store or the folder holds other things,
    StoreError when a file cannot be copied.
    """
    if not has_data(store_dir):
        raise UsageError(f"there is no store with data at {store_dir}; name it with --store")
    is_used = to_dir.exists() and any(to_dir.iterdir())
    if is_used and not (to_dir / MANIFEST).exists() and not (to_dir / "parts").exists():
        raise UsageError(f"{to_dir} holds other files; name an empty folder or an earlier backup")
    with translated(to_dir, "backing up to"):
        waiting = _copy_parts(parts.waiting_parts(store_dir), to_dir)
        kept = _copy_parts(parts.kept_parts(store_dir), to_dir)
        names = sorted({*waiting, *kept})
        files = [path for path in sorted((store_dir / _MEDIA).glob("*")) if path.is_file()]
        media = [path for path in files if _copied(path, to_dir / _MEDIA / path.name)]
        _copied(store_dir / KEY_FILE, to_dir / KEY_FILE)
        _copy_chain(store_dir, to_dir)
        for folder, wanted in (("parts", set(names)), (_MEDIA, {path.name for path in media})):
            _remove_others(to_dir / folder, wanted)
        _check_parts(to_dir, names)
        at = datetime.now(UTC)
        write_text(to_dir / MANIFEST, json.dumps({"at": at.isoformat(), "parts": names}, indent=1) + "\n")
    return Backup(parts=len(names), media=len(media), at=at)


def restore(from_dir: Path, store_dir: Path) -> tuple[check.StoreFinding, ...]:
    """Make the store anew from a backup, in one step at its end; returns what a check of it finds.

    Raises UsageError where there is no whole backup, or the store holds something already; StoreError for a damaged
    part of the backup.
    """
    names = _manifest(from_dir)
    if store_dir.exists() and any(store_dir.iterdir()):
        raise UsageError(f"{store_dir} is not empty; restore into a new folder with --store")
    _check_parts(from_dir, names)
    fresh = store_dir.with_name(f".{store_dir.name}.{uuid.uuid4().hex[:8]}.restoring")
    with translated(store_dir, "restoring"):
        try:
            for name in names:
                _copied(from_dir / "parts" / name, fresh / parts.INBOX / name)
            shutil.copytree(from_dir / _MEDIA, fresh / _MEDIA, dirs_exist_ok=True) if (
                from_dir / _MEDIA
            ).is_dir() else None
            _copied(from_dir / KEY_FILE, fresh / KEY_FILE)
            for name in names:
                parts.keep(fresh, Part(path=fresh / parts.INBOX / name))
            found = check.rebuild_store(fresh, chain_file=from_dir / _CHAIN)
            if store_dir.exists():
                store_dir.rmdir()
            fresh.rename(store_dir)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
    return found


def _copy_parts(found: Sequence[Part], to_dir: Path) -> list[str]:
    """Copy these parts; names of those that were still there."""
    return [part.path.name for part in found if _copied(part.path, to_dir / "parts" / part.path.name)]


def _copied(source: Path, target: Path) -> bool:
    """Copy under the name only once it is whole; False where the source is gone. One of the same size is not copied."""
    try:
        if target.exists() and target.stat().st_size == source.stat().st_size:
            return True
        with writing(target) as temporary:
            shutil.copy2(source, temporary)
    except FileNotFoundError:
        return False
    return True


def _copy_chain(store_dir: Path, to_dir: Path) -> None:
    """The chain over events as last published; what came since is chained when it is restored."""
    for _ in range(3):  # a snapshot that is replaced meanwhile is looked for again
        try:
            source = snapshot.published(store_dir).folder / _CHAIN
        except StoreError:
            return
        (to_dir / _CHAIN).unlink(missing_ok=True)
        if _copied(source, to_dir / _CHAIN):
            return


def _remove_others(folder: Path, wanted: set[str]) -> None:
    for path in folder.glob("*"):
        if path.name not in wanted:
            path.unlink()


def _check_parts(folder: Path, names: list[str]) -> None:
    for name in names:
        part = Part(path=folder / "parts" / name)
        if not part.path.exists() or hashlib.sha256(part.path.read_bytes()).hexdigest() != part.sha256:
            raise StoreError(f"part {name[:24]} in {folder} is missing or damaged; use another backup")


def _manifest(folder: Path) -> list[str]:
    try:
        return [str(name) for name in json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["parts"]]
    except FileNotFoundError:
        raise UsageError(f"there is no whole backup in {folder}; name the folder that `backup --to` wrote") from None
    except (ValueError, KeyError, TypeError):
        raise StoreError(f"{folder / MANIFEST} is damaged; use another backup") from None

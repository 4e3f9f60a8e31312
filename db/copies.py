"""Copies files of a store to the folder of a backup while the store is in use, and identifies them by content.

Merging or rewriting parts during the copy removes some that were listed. So parts are listed again after copying, until
a listing has no part that is not copied and lacks none of the previous listing.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from db import parts, snapshot
from db.parts import MEDIA, PARTS, SUFFIX, Part
from osteo_core.errors import StoreError, UsageError
from osteo_core.whole_files import write_text, writing

MANIFEST = "backup.json"
_CHAIN, _CHAINS = "chain.parquet", "chain*.parquet"
_PART_NAME = re.compile(rf"[a-z_]+-[0-9a-f]{{64}}{re.escape(SUFFIX)}")
_CHAIN_NAME = re.compile(r"chain-[0-9a-f]{64}\.parquet")
_MEDIA_NAME = re.compile(r"[^/\\\0]{1,255}")
_HASH = re.compile(r"[0-9a-f]{64}")
#: Number of listings of the parts, and the longest wait before one in seconds: a compaction takes at most about a
#: minute.
_LISTINGS, _REST_S = 20, 5.0
#: Times of change of one file differ by up to this where the backup's file system keeps whole seconds, ns.
_SAME_TIME_NS = 2_000_000_000


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a backup holds: names of its parts, of its chain ('' for none), and SHA-256 of each media file.

    ``media`` is None in a backup by an older program: changes of its masks cannot be detected.
    """

    parts: list[str] = field(default_factory=list)
    chain: str = ""
    media: Mapping[str, str] | None = None


def read_manifest(folder: Path) -> Manifest:
    """The backup's manifest. Raises UsageError if it is not a backup, StoreError if it is damaged."""
    try:
        said = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if "begun" in said:
            raise FileNotFoundError
        media = said.get("media")
        found = Manifest(
            parts=[str(name) for name in said["parts"]],
            chain=str(said.get("chain", _CHAIN if (folder / _CHAIN).exists() else "")),
            media=None if media is None else {str(name): str(sha256) for name, sha256 in media.items()},
        )
        names = [*(found.media or ()), *([] if found.chain in ("", _CHAIN) else [found.chain])]
        if not all(_PART_NAME.fullmatch(name) for name in found.parts):
            raise ValueError("a name that no part has")
        if not all(_MEDIA_NAME.fullmatch(name) and name not in (".", "..") for name in names):
            raise ValueError("a name that no mask has")
        if not all(_HASH.fullmatch(sha256) for sha256 in (found.media or {}).values()):
            raise ValueError("a hash that no mask has")
        if found.chain not in ("", _CHAIN) and not _CHAIN_NAME.fullmatch(found.chain):
            raise ValueError("a name that no chain has")
        return found
    except FileNotFoundError:
        raise UsageError(f"there is no complete backup in {folder}; name the folder that `backup --to` wrote") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise StoreError(f"{folder / MANIFEST} is damaged; use another backup") from None


def earlier_manifest(folder: Path) -> Manifest:
    """The same for the target folder of a backup; empty if it was never complete or is damaged."""
    try:
        return read_manifest(folder)
    except (UsageError, StoreError):
        return Manifest()


def begin(folder: Path) -> None:
    """Mark the folder as a backup before anything is in it, so that a killed backup can continue there."""
    if not (folder / MANIFEST).exists():
        write_text(folder / MANIFEST, json.dumps({"begun": True}) + "\n")


def copy_parts(store_dir: Path, to_dir: Path) -> list[str]:
    """Copy the parts of the store; returns their names. Raises StoreError if some keep disappearing."""
    done: set[str] = set()
    before: set[str] = set()
    for n in range(_LISTINGS):
        time.sleep(min(2.0 ** (n - 6), _REST_S) if n > 2 else 0.0)
        listed = parts_held(store_dir)
        is_settled = before <= listed.keys() and bool(listed)
        if is_settled and listed.keys() <= done:
            return sorted(listed)
        before = set(listed)
        done |= {name for name, part in listed.items() if name not in done and _copy_part(part, to_dir)}
    if is_settled and before <= done:  # later parts are for the next backup: a running analysis keeps adding some
        return sorted(before)
    raise StoreError(
        f"the parts of the store {store_dir} disappeared while they were copied: it is being compacted, erased from "
        "or removed; back it up again when that has ended"
    )


def parts_held(store_dir: Path) -> dict[str, Part]:
    """The parts of the store, waiting or taken in, by file name."""
    return {part.path.name: part for part in (*parts.waiting_parts(store_dir), *parts.kept_parts(store_dir))}


def is_whole(path: Path) -> bool:
    """Whether a part is there, with the content that its name states."""
    return path.exists() and hash_of(path) == Part(path=path).sha256


def hash_of(path: Path) -> str:
    """SHA-256 of the file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def mend_parts(store_dir: Path, folder: Path, names: list[str]) -> None:
    """Copy damaged parts of the backup again from the store, where they are intact there."""
    damaged = [name for name in names if not is_whole(folder / PARTS / name)]
    held = parts_held(store_dir) if damaged else {}
    for name in damaged:
        if name in held and is_whole(held[name].path):
            copy_file(held[name].path, folder / PARTS / name)


def copy_media(store_dir: Path, to_dir: Path, known: Mapping[str, str] | None) -> dict[str, str]:
    """Copy masks that are new, changed or differ from the backup's list; returns the SHA-256 of each by its name."""
    found = {}
    for source in sorted((store_dir / MEDIA).glob("*")):
        target = to_dir / MEDIA / source.name
        if source.name.startswith(".") or not source.is_file():
            continue
        sha256 = hash_of(target) if target.exists() else ""
        try:
            if not sha256 or not _is_same(source, target, sha256, (known or {}).get(source.name)):
                copy_file(source, target)
                sha256 = hash_of(target)
        except FileNotFoundError:  # erased meanwhile
            continue
        found[source.name] = sha256
    return found


def _is_same(source: Path, target: Path, sha256: str, known: str | None) -> bool:
    ours, theirs = source.stat(), target.stat()
    if known is None:
        return hash_of(source) == sha256
    is_as_old = abs(ours.st_mtime_ns - theirs.st_mtime_ns) <= _SAME_TIME_NS
    return sha256 == known and ours.st_size == theirs.st_size and is_as_old


def copy_file(source: Path, target: Path) -> bool:
    """Copy; the file gets its name only once complete. False if the source is gone."""
    try:
        with writing(target) as temporary:
            shutil.copy2(source, temporary)
    except FileNotFoundError:
        return False
    return True


def _copy_part(part: Part, to_dir: Path) -> bool:
    """False if it is gone. Existing copies are checked at the end; a damaged part never replaces an intact one."""
    target = to_dir / PARTS / part.path.name
    try:
        if target.exists() and (target.stat().st_size == part.path.stat().st_size or is_whole(target)):
            return True
    except FileNotFoundError:
        return False
    return copy_file(part.path, target)


def copy_chain(store_dir: Path, to_dir: Path) -> str:
    """Copy the chain over events as last published, named by its content; later events are chained on restoring.

    It is copied before the parts, so every event in it is in one of them. Returns '' if nothing was published.
    """
    for _ in range(3):  # a snapshot replaced meanwhile is looked up again
        try:
            content = (snapshot.published(store_dir).folder / _CHAIN).read_bytes()
        except StoreError:
            return ""
        except FileNotFoundError:
            continue
        name = f"chain-{hashlib.sha256(content).hexdigest()}.parquet"
        with writing(to_dir / name) as temporary:
            temporary.write_bytes(content)
        return name
    return ""


def check_chain(folder: Path, name: str) -> Path | None:
    """The chain of the backup, if any. Raises StoreError if its content does not match its name."""
    if name and name != _CHAIN and (not (folder / name).exists() or hash_of(folder / name) not in name):
        raise StoreError(f"{folder / name} is damaged; use another backup")
    return folder / name if name else None


def remove_others(folder: Path, wanted: set[str], pattern: str = "*") -> None:
    """Remove files that the new backup does not need."""
    for path in folder.glob(pattern):
        if path.name not in wanted:
            path.unlink()


def remove_other_chains(folder: Path, wanted: str) -> None:
    """Remove chains of earlier backups."""
    remove_others(folder, {wanted}, _CHAINS)

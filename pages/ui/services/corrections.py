"""Readers' corrections: counts by scanner and reason, and a training set in one file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from commands.corrections import corrections_in, write_set
from osteo_core.review.corrections import Corrected, signed_series
from osteo_core.review.corrections import corrected_where as counted_by_scanner
from osteo_core.whole_files import private_folder
from pages.ui.services.cohort import hidden_from_this_reader, without_series
from pages.ui.services.running_app import media_dir, query

#: Larger sets are written by the command: a browser would hold the whole file in memory.
MOST_ON_PAGE = 20


def corrected_where() -> list[Corrected]:
    """All scanners together, then each, without series whose signed read is hidden; empty if nothing was signed."""
    asked = _without(hidden_from_this_reader())
    return counted_by_scanner(signed_series(asked("corrections").to_pylist()))


def corrections_count(*, hidden: Sequence[str]) -> int:
    """How many signed series hold a correction, without the series ``hidden``."""
    return len(corrections_in(_without(hidden)))


def corrections_zip(*, hidden: Sequence[str] = ()) -> bytes:
    """The set that `python -m osteo_core corrections` writes, as one ZIP file, without the series ``hidden``.

    Raises UsageError if there is nothing to write.
    """
    with private_folder() as place:
        folder = place / "corrections"
        write_set(folder, _without(hidden), media_dir())
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:  # the images are already compressed
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    archive.write(path, Path("corrections") / path.relative_to(folder))
        return packed.getvalue()


def _without(hidden: Sequence[str]) -> Callable[..., pa.Table]:
    """``query`` without the corrections of these series."""

    def asked(name: str, **given: Any) -> pa.Table:
        table = query(name, **given)
        return without_series(table, hidden) if name == "corrections" else table

    return asked

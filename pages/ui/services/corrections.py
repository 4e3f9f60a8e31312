"""What readers corrected: counted by scanner and reason, and as a training set in one file."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

from commands.corrections import corrections_in, write_set
from osteo_core.review.corrections import Corrected, signed_series
from osteo_core.review.corrections import corrected_where as counted_by_scanner
from pages.ui.services.cohort import hidden_from_this_reader
from pages.ui.services.running_app import media_dir, query

#: A set of more cases is written by the command: a browser would hold all of it in memory.
MOST_ON_PAGE = 20


def corrected_where() -> list[Corrected]:
    """All scanners together, then each, without series whose signed read is hidden; empty where nothing was signed."""
    hidden = set(hidden_from_this_reader())
    rows = [row for row in query("corrections").to_pylist() if row["series_key"] not in hidden]
    return counted_by_scanner(signed_series(rows))


def corrections_count() -> int:
    """How many signed series hold a correction."""
    return len(corrections_in(query))


def corrections_zip() -> bytes:
    """The set that `python -m osteo_core corrections` writes, as one ZIP file.

    Raises UsageError where there is nothing to write.
    """
    with tempfile.TemporaryDirectory(prefix="osteo-set-") as name:
        folder = Path(name) / "corrections"
        write_set(folder, query, media_dir())
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:  # the images are packed already
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    archive.write(path, Path("corrections") / path.relative_to(folder))
        return packed.getvalue()

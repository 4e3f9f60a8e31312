"""The Chromium that exports figures and prints the report: finding it, and printing with it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from osteo_core.children import run_child
from osteo_core.errors import PictureError
from osteo_core.whole_files import private_folder

#: What to do if there is none; everything else works without it.
INSTALL = (
    "Pictures and PDF need Chromium: install it (Debian and Ubuntu: `apt-get install chromium`), "
    "or name one in BROWSER_PATH."
)
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: Below a folder of Playwright's browsers.
_PLAYWRIGHT = ("chromium-*/chrome-linux*/chrome", "chromium-*/chrome-mac*/Chromium.app/Contents/MacOS/Chromium")
_PRINT_S = 180
#: A whole PDF ends with its mark within this number of bytes.
_END_BYTES = 1024
#: Isolated from everything but the file: no network, no user profile. Containers do not allow its own sandbox, and it
#: opens only this program's page.
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-pdf-header-footer",
)


def find_browser() -> str | None:
    """BROWSER_PATH, else Playwright's Chromium, else one on the PATH; None if there is none."""
    named = os.environ.get("BROWSER_PATH", "")
    if named:
        return named if Path(named).is_file() else None
    homes = [os.environ.get("PLAYWRIGHT_BROWSERS_PATH", "")]
    homes += [str(Path.home() / place) for place in (".cache/ms-playwright", "Library/Caches/ms-playwright")]
    own = [str(path) for home in homes if home for pattern in _PLAYWRIGHT for path in sorted(Path(home).glob(pattern))]
    return own[-1] if own else next((path for path in map(shutil.which, _NAMES) if path), None)


def needed_browser() -> str:
    """The same; raises PictureError with what to install if there is none."""
    path = find_browser()
    if path is None:
        raise PictureError(INSTALL)
    return path


def print_pdf(page: bytes) -> bytes:
    """Print a self-contained HTML page as PDF.

    Raises PictureError if there is no Chromium or it ends without a whole PDF.
    """
    browser = needed_browser()
    with private_folder() as folder:
        source, target = folder / "page.html", folder / "page.pdf"
        source.write_bytes(page)
        command = [browser, *_FLAGS, f"--user-data-dir={folder}/profile", f"--print-to-pdf={target}", source.as_uri()]
        try:
            run_child(command, longest_s=_PRINT_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PictureError(
                f"Chromium could not print the report ({type(error).__name__}); try again, or print the HTML report"
            ) from None
        printed = target.read_bytes() if target.is_file() else b""
        if not printed.startswith(b"%PDF-") or b"%%EOF" not in printed[-_END_BYTES:]:
            raise PictureError("Chromium ended without a PDF; try again, or print the HTML report from a browser")
        return printed

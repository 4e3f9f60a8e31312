"""Run the app headless as a server would.

At every run AppTest concludes from a folder pages/ that pages are scripts of their own, and would skip app.py from
the second run on; in a server, app.py turns that off. It also looks for components in every installed package.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import app_test


class ListedPages(PagesManager):
    """The pages listed by app.py, never those of the folder."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        PagesManager.uses_pages_directory = False
        super().__init__(*args, **kwargs)


def list_pages_by_app() -> None:
    """Make AppTest run app.py at every run, and look for installed components once, which takes longer than a page."""
    app_test.PagesManager = ListedPages  # type: ignore[misc]
    manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)

"""The browser of tests/browser, for the tests with hostile texts."""

from __future__ import annotations

from tests.browser.conftest import browser

__all__ = ["browser"]

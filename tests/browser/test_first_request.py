"""A pitfall of a folder named pages/: a deep link as the very first request must still run app.py's frame."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from pages.ui.shared import wording
from tests.browser.conftest import MENU
from tests.browser.server import start_server, stop_server

pytestmark = pytest.mark.browser


def test_a_deep_link_before_anything_else_gets_frame_and_menu(browser: Browser, tmp_path: Path) -> None:
    running = start_server(tmp_path)
    page = browser.new_page()
    try:
        page.goto(f"{running.address}/exclusions")
        expect(page.get_by_role("heading", name="Exclusions")).to_be_visible(timeout=60_000)
        expect(page.get_by_text(wording.RESEARCH_USE)).to_be_visible()
        names = page.locator(MENU).get_by_role("link").all_inner_texts()
    finally:
        page.close()
        stop_server(running)
    assert [name.split("\n")[-1] for name in names][:2] == ["Home", "Worklist"]
    assert "app" not in names

"""The page Replication in a real browser: marked simulated, with its table or the command that creates it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from pages.ui.services.replication import FOLDER
from tests.browser.conftest import MENU, Visit

pytestmark = pytest.mark.browser


def test_replication_opens_from_the_menu_and_is_marked_simulated(visit: Visit) -> None:
    page = visit.page
    page.goto(visit.address)
    page.locator(MENU).get_by_role("link", name="Replication").click()
    expect(page.get_by_role("heading", name="Replication of Fang 2021")).to_be_visible()
    expect(page.get_by_text("SIMULATED.")).to_be_visible()
    expect(page.get_by_text("python -m benchmarks.fang2021").first).to_be_visible()
    if (FOLDER / "results.csv").exists():
        expect(page.get_by_role("heading", name="Beside the published figures")).to_be_visible()
        expect(page.get_by_text("0.823").first).to_be_visible()
        expect(page.locator(".js-plotly-plot").first).to_be_visible()
    else:
        expect(page.get_by_text("The study has not been run yet")).to_be_visible()
    assert visit.foreign() == []
    assert visit.complaints == []

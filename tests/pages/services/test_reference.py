"""The limits on the page About: each name stands for one limit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from osteo_core.errors import BrokenPromiseError
from osteo_core.limits import drift, hounsfield, region
from pages.ui.services.reference import all_limits, limit_rows


def test_a_limit_that_another_module_imports_is_listed_once() -> None:
    assert all_limits()["AIR_HU_LOW"] is hounsfield.AIR_HU_LOW
    assert all_limits()["METAL_HU"] is region.METAL_HU


def test_names_of_limits_keep_the_capitals_of_their_symbols() -> None:
    names = {row["Limit"] for row in limit_rows()}
    assert {"HA over K2HPO4", "Precision CV most", "Energy R²", "kVp tolerance"} <= names


def test_a_name_that_two_modules_define_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "METAL_HU", replace(region.METAL_HU, value=3000.0), raising=False)
    with pytest.raises(BrokenPromiseError, match="define METAL_HU"):
        all_limits()

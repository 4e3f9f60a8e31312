"""Phantom checks from the site's tables: each scanner's scans against its own previous ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from osteo_core.density.calibration.phantom import COLUMNS
from osteo_core.settings import Settings
from pages.ui.services import drift


def scan(day: str, model: str, hu_per_mg: float) -> list[str]:
    rods = (0, 50, 100, 150)
    return [f"{day},GE,{model},120,,ESP,K2HPO4,{density},{5 + hu_per_mg * density:.2f}" for density in rods]


def test_phantom_scans_are_compared_within_their_scanner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "phantoms.csv"
    rows = [
        *scan("2026-01-05", "LightSpeed VCT", 1.4),
        *scan("2026-02-03", "Revolution EVO", 1.3),
        *scan("2026-03-02", "LightSpeed VCT", 1.4 * 0.9),
    ]
    table.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n", encoding="utf-8")
    monkeypatch.setattr(drift, "settings", lambda: Settings(phantom_table=str(table)))
    found = drift.phantom_checks()
    changes = [(one.scanner, one.change if one.change is None else round(one.change, 3)) for one in found]
    # 100 mg/cm3 on the previous line are 145 HU; on the later line these are 140 / 1.26 mg/cm3.
    assert changes == [
        ("GE LightSpeed VCT", None),
        ("GE LightSpeed VCT", round(140 / 1.26 / 100 - 1, 3)),
        ("GE Revolution EVO", None),
    ]
    assert [one.is_beyond for one in found] == [False, True, False]


def test_a_site_without_tables_has_no_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "settings", Settings)
    assert drift.phantom_checks() == ()

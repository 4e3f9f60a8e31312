"""The notebook that reproduces the agreement figure gives the same as the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from osteo_core.programme.cohort import CohortFilter
from pages.ui import services
from pages.ui.services.store_holder import close_holder
from pages.ui.shared import wording
from tests.builders.cohort import build_cohort, build_references
from tests.builders.store import build_store
from tests.docs.notebooks import run_notebook


@pytest.fixture
def in_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    results = build_cohort(40)
    store = build_store(tmp_path / "store", results, references=build_references(results))
    monkeypatch.setenv("OSTEO_STORE", str(store))
    monkeypatch.setenv("OSTEO_NO_DEMO", "1")
    yield store
    close_holder(store)


@pytest.mark.parametrize("with_keys", [False, True])
def test_the_notebook_gives_the_figures_of_the_page(in_store: Path, tmp_path: Path, with_keys: bool) -> None:
    export = tmp_path / "export.parquet"
    export.write_bytes(services.cohort_parquet(CohortFilter(), with_keys=with_keys, seen_by=None))
    shown = run_notebook("agreement", environment={"COHORT_PARQUET": str(export)})
    comparison = services.agreement(services.agreement_pairs(CohortFilter(), by_level=False))[0]
    for name in ("Bias", "Pearson r", "ICC(2,1)", "Kappa, quadratic weights"):
        assert f"{name}: {wording.estimate(comparison.figures[name], digits=3)}\n" in shown
    assert f"RMSE: {comparison.figures['RMSE'].value:.3f} (" in shown, "its interval depends on the draws"
    assert f"{comparison.n} patients measured both ways" in shown
    assert "this CT minus QCT (mg/cm³)" in shown, "the figure was drawn"

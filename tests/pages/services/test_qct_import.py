"""Importing QCT values: previewed before they are taken in, listed with author and time, withdrawn again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from osteo_core.errors import UsageError
from osteo_core.events import new_event
from osteo_core.programme.cohort import CohortFilter
from osteo_core.terms import Mineral
from pages.ui import services
from pages.ui.services import running_app
from tests.builders.cohort import build_cohort, build_references
from tests.builders.store import build_store


@pytest.fixture
def filled(tmp_path: Path, in_store: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ten patients by their own numbers, who already have QCT values."""
    from dataclasses import replace

    from osteo_core.pseudonyms import Pseudonyms

    monkeypatch.setenv("OSTEO_KEY_FILE", str(tmp_path / "key"))
    pseudonyms = Pseudonyms.from_key_file(tmp_path / "key")
    numbers = [f"MRN{n}" for n in range(10)]
    results = [
        replace(r, series=replace(r.series, patient_key=pseudonyms.patient(number)))
        for r, number in zip(build_cohort(6) + build_cohort(60)[7:11], numbers, strict=True)
    ]
    build_store(tmp_path / "store", results, references=build_references(results))
    in_store(tmp_path / "store")
    return numbers


def preview(numbers: list[str], value: float) -> services.QctPreview:
    lines = ["Patientennummer;vBMD", *(f"{number};{value:.1f}".replace(".", ",") for number in numbers)]
    table, columns = services.qct_table("\n".join(lines).encode())
    return services.preview_qct(table, columns, mineral=Mineral.K2HPO4, source="test")


def references() -> list[float]:
    return [float(value) for value in services.agreement_pairs(CohortFilter(), by_level=False).reference]


def test_a_source_that_every_value_would_repeat_is_short(filled: list[str]) -> None:
    table, columns = services.qct_table(b"Patient;vBMD\nMRN1;90,0\n")
    with pytest.raises(UsageError, match="the source may have 200 letters at most, found 201"):
        services.preview_qct(table, columns, mineral=Mineral.K2HPO4, source="a" * 201)


def test_a_second_import_says_what_it_replaces_and_is_undone_by_withdrawing_it(filled: list[str]) -> None:
    before = sorted(references())
    assert len(before) > 3
    found = preview(filled, 100.5)
    assert found.mapped.distribution is not None
    assert found.replaced.count == found.replaced.changed > 0
    with pytest.raises(UsageError, match="an import needs an author"):
        services.import_qct(found, author=" ")
    services.import_qct(found, author="AB")
    assert set(references()) == {100.5}
    latest, first = services.qct_imports()
    assert (latest.author, latest.values, latest.withdrawn_at) == ("AB", len(filled), None)
    assert (latest.lowest_mg_cm3, latest.highest_mg_cm3, first.author) == (100.5, 100.5, "")
    with pytest.raises(UsageError, match="say why the import is withdrawn"):
        services.withdraw_qct(latest.imported_at, author="AB", reason="")
    services.withdraw_qct(latest.imported_at, author="CD", reason="wrong column")
    assert sorted(references()) == before
    with pytest.raises(UsageError, match="this import was withdrawn already"):
        services.withdraw_qct(latest.imported_at, author="EF", reason="from a page of before")
    again = new_event(
        "QCT import withdrawn",
        author="EF",
        at=services.moment(),
        payload={"imported_at": latest.imported_at.isoformat()},
    )
    running_app.store_holder().record(again)  # as former programs did
    withdrawn = services.qct_imports()[0]
    assert (withdrawn.withdrawn_by, withdrawn.values) == ("CD", len(filled)), "the values stay in the store"
    running_app.store_holder().publish()


def test_values_in_another_mineral_replace_none_and_take_no_pair_from_a_line(filled: list[str]) -> None:
    """As Agreement counts them: each mineral on its own."""
    before = sorted(references())
    lines = ["Patientennummer;vBMD", *(f"{number};120,5" for number in filled)]
    table, columns = services.qct_table("\n".join(lines).encode())
    found = services.preview_qct(table, columns, mineral=Mineral.HA, source="HA phantom")
    assert (found.replaced.count, found.replaced.changed) == (0, 0)
    pairs = running_app.query("qct_hu_pairs").to_pylist()
    services.import_qct(found, author="AB")
    assert sorted(references()) == before
    after = running_app.query("qct_hu_pairs").to_pylist()
    assert [row for row in after if row["mineral"] == Mineral.K2HPO4] == pairs != []
    assert len(after) == 2 * len(pairs)


def test_two_imports_are_compared_value_by_value(filled: list[str]) -> None:
    services.import_qct(preview(filled[:6], 100.5), author="AB")
    lines = [
        "Patientennummer;vBMD",
        *(f"{number};{100.5 + shift}" for number, shift in zip(filled[2:8], (0, 0, 4, 5, 6, 7), strict=True)),
    ]
    table, columns = services.qct_table("\n".join(lines).encode())
    services.import_qct(services.preview_qct(table, columns, mineral=Mineral.K2HPO4, source="again"), author="AB")
    latest, earlier, _ = services.qct_imports()
    found = services.compare_qct(earlier.imported_at, latest.imported_at)
    assert (found.both, found.changed, found.first_only, found.second_only) == (4, 2, 2, 2)
    assert len(found.changes) == 6
    shifts = np.array([0.0, 0.0, -4.0, -5.0])
    interval = stats.ttest_1samp(shifts, 0.0).confidence_interval(0.95)
    assert found.agreement is not None
    bias = found.agreement.bias
    assert (bias.value, bias.low, bias.high) == pytest.approx((shifts.mean(), interval.low, interval.high))
    services.withdraw_qct(latest.imported_at, author="AB", reason="wrong")
    assert services.compare_qct(earlier.imported_at, latest.imported_at) == found, "withdrawn ones can be compared too"
    apart = services.compare_qct(earlier.imported_at, earlier.imported_at)
    assert (apart.both, apart.changed, apart.changes) == (6, 0, ())

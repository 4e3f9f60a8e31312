"""Questions about the cohort: numbers, worklist, prevalence, agreement with QCT."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import compute

from db.query import EVERYBODY
from osteo_core.dicom.sites import read_sites, site_key
from osteo_core.programme.cohort import CohortFilter
from osteo_core.programme.comparison import Comparison, compare
from osteo_core.programme.equity import Reach
from osteo_core.programme.standard import Standardised, StandardPopulation, standardise
from osteo_core.programme.versions import CURRENT, Version
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.records import Estimate
from osteo_core.statistics.intervals import wilson
from osteo_core.terms import Category
from pages.ui.access.users import seen_by
from pages.ui.agreement.figures import Pairs
from pages.ui.services.records import CohortNumbers
from pages.ui.services.running_app import limits, query, settings
from pages.ui.shared import wording
from pages.ui.shared.figures import Bin, Rate

BIN_MG_CM3 = 10.0
ALL_VENDORS = "All vendors"
#: A field's name in the address and in ``CohortFilter``.
_FILTER_FIELDS = {
    "vendor": "vendors",
    "sex": "sexes",
    "scanner": "scanners",
    "site": "sites",
    "category": "categories",
    "state": "states",
}


def cohort_numbers(cohort: CohortFilter = EVERYBODY, *, seen_by: str | None) -> CohortNumbers:
    """The cohort in numbers, as ``seen_by`` may see it."""
    row = query("cohort_summary", cohort=cohort, seen_by=seen_by).to_pylist()[0]
    return CohortNumbers(
        series=int(row["n_series"]),
        patients=int(row["n_patients"]),
        measured=int(row["n_measured"]),
        categorised=int(row["n_categorised"]),
        excluded=int(row["n_excluded"]),
        failed=int(row["n_failed"]),
        waiting=int(row["n_waiting"]),
        flagged=int(row["n_flagged"]),
        for_review=int(row["n_review"]),
        to_review=int(row["n_to_review"]),
        overdue=int(row["n_overdue"]),
        simulated=int(row["n_simulated"]),
        read=int(row["n_read"]),
    )


def has_series() -> bool:
    """Whether this store holds any series."""
    return cohort_numbers(seen_by=None).series > 0


def runs() -> list[dict[str, Any]]:
    """Models, settings and measuring code behind the results, the latest use in this machine's time, and the time per
    series.
    """
    return [
        {
            # Without a zone: Streamlit would show the store's, UTC.
            "last": row["last_finished_at"].astimezone().replace(tzinfo=None),
            "series": row["n_series"],
            "seconds": row["median_seconds"],
            "model": row["model_hash"][:12],
            "settings": row["settings_hash"],
            "measuring": row["measuring_version"],
        }
        for row in query("runs").to_pylist()
    ]


def hidden_series(reader: str | None) -> list[str]:
    """Series signed by another reader whose read is hidden from this reader, a possible second reader."""
    return [] if reader is None else query("hidden_series", seen_by=reader).column("series_key").to_pylist()


def sight_of_figures() -> str | None:
    """The reader for whom figures of the cohort are made; None, and so every read, for a user without a name yet."""
    return seen_by() or None


def hidden_from_this_reader() -> list[str]:
    """Series whose signed read is hidden from the current user, as used for figures of the cohort."""
    return hidden_series(sight_of_figures())


def vbmd_bins(cohort: CohortFilter = EVERYBODY, *, seen_by: str | None) -> list[Bin]:
    """The mean vBMD of the measured series in bins, by category, as ``seen_by`` may see it."""
    rows = query("vbmd_histogram", cohort=cohort, width=BIN_MG_CM3, seen_by=seen_by).to_pylist()
    return [
        Bin(low_mg_cm3=float(row["bin_low"]), category=Category(row["category"]), count=int(row["n"])) for row in rows
    ]


def filter_options() -> dict[str, list[str]]:
    """Scanner models and sites of this store, the most common first."""
    found: dict[str, list[str]] = {"scanner": [], "site": []}
    for row in query("filter_options").to_pylist():
        found[row["field"]].append(row["value"])
    return found


def value_counts(cohort: CohortFilter, *, field: str) -> dict[str, int]:
    """How many series each value of a filter field would leave, with all other fields unchanged.

    ``field``: 'vendor', 'sex', 'scanner', 'site', 'category' or 'state'.
    """
    nothing: dict[str, Any] = {_FILTER_FIELDS[field]: ()}
    others = replace(cohort, **nothing)
    if field in ("category", "state"):
        rows = [
            row for row in query("filter_marks", cohort=others, seen_by=seen_by()).to_pylist() if row["field"] == field
        ]
    else:
        rows = query("filter_counts", cohort=others, by=field, seen_by=seen_by()).to_pylist()
    return {row["value"]: int(row["n"]) for row in rows}


def site_words(key: str) -> str:
    """A site's name by the site table of this installation, else the first characters of its key."""
    return _site_names(settings().site_table, str(settings().key_path)).get(key) or wording.site(key)


@functools.lru_cache(maxsize=8)
def _site_names(table: str, key_file: str) -> dict[str, str]:
    """Names by key; read once per table, since settings and their tables apply from the app's start."""
    if not table:
        return {}
    pseudonyms = Pseudonyms.from_key_file(Path(key_file))
    return {site_key(rule.site, pseudonyms) or "": rule.site for rule in read_sites(table)}


def prevalence(cohort: CohortFilter, *, by: str, version: Version = CURRENT, seen_by: str | None) -> list[Rate]:
    """Shares of the categories per group, with Wilson intervals; ``by`` as in the query; as ``seen_by`` may see it."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in _prevalence_rows(cohort, by, version, seen_by):
        groups.setdefault(_group_words(row["group"], by), []).append(row)
    return [_rate(group, rows) for group, rows in groups.items()]


def _prevalence_rows(cohort: CohortFilter, by: str, version: Version, reader: str | None) -> list[dict[str, Any]]:
    if version == CURRENT:
        table = query("prevalence", cohort=cohort, by=by, seen_by=reader)
    else:
        given = {"by": by, "hidden": tuple(hidden_series(reader)), **version.parameters()}
        table = query("version_prevalence", cohort=cohort, seen_by=reader, **given)
    found: list[dict[str, Any]] = table.to_pylist()
    return found


def _rate(group: str, rows: list[dict[str, Any]]) -> Rate:
    """One group over all its ages."""
    n, missing, low, mass = (
        sum(int(row[name]) for row in rows) for name in ("n", "missing", "osteoporosis", "low_bone_mass")
    )
    return Rate(
        group=group,
        n=n,
        missing=missing,
        osteoporosis=_share(low, n),
        low_bone_mass=_share(mass, n),
    )


def standardised(
    cohort: CohortFilter,
    *,
    by: str,
    population: StandardPopulation,
    version: Version = CURRENT,
    seen_by: str | None,
) -> dict[str, tuple[Standardised, Standardised]]:
    """Osteoporosis and low bone mass from age 50, directly age-standardised, by group; ``by`` as for ``prevalence``."""
    strata: dict[str, tuple[dict[int, tuple[int, int]], dict[int, tuple[int, int]]]] = {}
    for row in _prevalence_rows(cohort, by, version, seen_by):
        if row["age_from"] is not None and row["n"]:
            low, mass = strata.setdefault(_group_words(row["group"], by), ({}, {}))
            low[row["age_from"]] = (int(row["osteoporosis"]), int(row["n"]))
            mass[row["age_from"]] = (int(row["low_bone_mass"]), int(row["n"]))
    return {
        group: (standardise(low, population), standardise(mass, population)) for group, (low, mass) in strata.items()
    }


def equity(cohort: CohortFilter, *, by: str, seen_by: str | None) -> list[Reach]:
    """Patients scanned, measured, flagged and closed per group; ``by``: 'site', 'sex' or 'age_band'."""
    return [
        Reach(
            group=_group_words(row["group"], by),
            scanned=int(row["n"]),
            measured=int(row["n_measured"]),
            measured_flagged=int(row["n_measured_flagged"]),
            flagged=int(row["n_flagged"]),
            closed=int(row["n_closed"]),
        )
        for row in query("equity", cohort=cohort, by=by, seen_by=seen_by).to_pylist()
    ]


def _group_words(group: str, by: str) -> str:
    if by == "site" and group != "unknown":
        return site_words(group)
    return wording.SEX_GROUPS.get(group, group)


def _share(count: int, n: int) -> Estimate | None:
    return wilson(int(count), int(n)) if n else None


def agreement_pairs(
    cohort: CohortFilter, *, by_level: bool, version: Version = CURRENT, hidden: Sequence[str] | None = None
) -> Pairs:
    """Values of this CT and of QCT for the same patient (or level), without series whose signed read is hidden.

    ``hidden``: these series; None for those of the current user, unknown to a button that runs outside the script.
    """
    if version == CURRENT:
        table = query("agreement_pairs", cohort=cohort, by_level=by_level)
    else:
        table = query("version_agreement", cohort=cohort, by_level=by_level, **version.parameters())
    table = without_series(table, hidden_from_this_reader() if hidden is None else hidden)
    return Pairs(
        series_key=table["series_key"].to_numpy(),
        patient_key=table["patient_key"].to_numpy(),
        patient=table["patient"].to_numpy(),
        vendor=table["vendor"].to_numpy(),
        level=table["level"].to_numpy(),
        measured=table["vbmd"].to_numpy(),
        reference=table["reference_vbmd"].to_numpy(),
        mineral=table["mineral"].to_numpy(),
    )


def without_series(table: pa.Table, hidden: Sequence[str]) -> pa.Table:
    """The rows of the table, which has a column ``series_key``, without these series."""
    if not hidden:
        return table
    return table.filter(compute.invert(compute.is_in(table["series_key"], value_set=pa.array(hidden, pa.string()))))


def agreement(pairs: Pairs, *, shown: str = ALL_VENDORS) -> list[Comparison]:
    """The statistics of agreement of all pairs, then of each vendor; regression lines only for the group ``shown``."""
    chosen = limits()
    groups = {ALL_VENDORS: pairs} | {vendor: pairs.of(vendor) for vendor in pairs.vendors()}
    return [
        compare(
            name,
            group.measured,
            group.reference,
            patients=group.patient,
            limits_mg_cm3=(chosen.osteoporosis_below, chosen.normal_above),
            with_lines=name == shown,
        )
        for name, group in groups.items()
    ]

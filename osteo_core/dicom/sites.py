"""Which site a series comes from: the institution named in its header, or the name given in the site table.

The table (CSV or Excel with a row of headings, named by settings.site_table) has the columns what, value and site:
``what`` is institution (0008,0080), station (0008,1010), serial number (0018,1000) or folder. The first row that fits
counts; case is ignored. A site is stored as its keyed hash, so exports contain no site names; they are shown only to
holders of the table and the key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from osteo_core.pseudonyms import Pseudonyms
from osteo_core.tables.columns import Column, OneOf
from osteo_core.tables.rows import read_whole


class What(StrEnum):
    """The attribute of a series that a row of the table matches."""

    INSTITUTION = "institution"
    STATION = "station"
    SERIAL_NUMBER = "serial number"
    FOLDER = "folder"


@dataclass(frozen=True, kw_only=True)
class SiteRule:
    """One row: where ``what`` is ``value`` (for a folder: lies in it), the series comes from ``site``."""

    what: What
    value: str
    site: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is known about the origin of a series; blank where the header does not say."""

    file: Path
    institution: str = ""
    station: str = ""
    serial_number: str = ""


COLUMNS: tuple[Column, ...] = (
    Column(
        name="what",
        kind=OneOf(values={what.value: what for what in What}),
        words=("kind", "attribute", "was", "Merkmal", "quoi", "attribut", "qué", "atributo", "什么", "属性"),
    ),
    Column(name="value", words=("Wert", "valeur", "valor", "值")),
    Column(name="site", words=("Standort", "centre", "site name", "sitio", "centro", "站点", "院区")),
)


def read_sites(table: str) -> tuple[SiteRule, ...]:
    """The rows of the table; empty without a table. Raises TableError naming the unusable rows."""
    rows = read_whole(Path(table), "site table", COLUMNS).taken if table else ()
    return tuple(SiteRule(**row.cells) for row in rows)


def site_of(source: Source, rules: Sequence[SiteRule]) -> str:
    """The site's name by the first rule that fits, else the institution in the header, else ''."""
    for rule in rules:
        if _fits(rule, source):
            return rule.site
    return source.institution


def _fits(rule: SiteRule, source: Source) -> bool:
    if rule.what is What.FOLDER:
        return Path(rule.value).resolve() in source.file.resolve().parents
    stated = {
        What.INSTITUTION: source.institution,
        What.STATION: source.station,
        What.SERIAL_NUMBER: source.serial_number,
    }[rule.what]
    return stated.strip().casefold() == rule.value.casefold()


def site_key(site: str, pseudonyms: Pseudonyms) -> str | None:
    """The keyed hash of a site's name, ignoring case; None without a name."""
    return pseudonyms.site(site.upper()) if site.strip() else None

"""Naming the site of a series: the table's first matching row, else the institution; only a key is stored."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import Dataset

from osteo_core.dicom.find import find_series
from osteo_core.dicom.sites import SiteRule, Source, What, read_sites, site_key, site_of
from osteo_core.errors import TableError
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.settings import Settings
from tests.builders.series import CtSpec, write_series
from tests.osteo_core.dicom.finding import PSEUDONYMS

HEAD = "what,value,site\n"


def table(folder: Path, rows: str, head: str = HEAD) -> str:
    path = folder / "sites.csv"
    path.write_text(head + rows, encoding="utf-8")
    return str(path)


def test_the_first_row_that_fits_counts_and_case_does_not(tmp_path: Path) -> None:
    rules = read_sites(
        table(
            tmp_path, f"Station,ct2,North\nserial number,4711,South\nfolder,{tmp_path}/west,West\ninstitution,UH,Main\n"
        )
    )
    assert rules[0] == SiteRule(what=What.STATION, value="ct2", site="North")
    elsewhere = tmp_path / "a.dcm"

    def named(**stated: str) -> str:
        return site_of(Source(file=elsewhere, **stated), rules)

    assert named(station="CT2", serial_number="4711", institution="UH") == "North"
    assert named(serial_number="4711", institution="UH") == "South"
    assert named(institution="uh ") == "Main"
    assert named(institution="Another") == "Another"
    assert named() == ""
    assert site_of(Source(file=tmp_path / "west" / "deep" / "a.dcm", institution="UH"), rules) == "West"


def test_a_site_is_one_key_whatever_its_letters_and_none_without_a_name() -> None:
    assert site_key("North", PSEUDONYMS) == site_key("NORTH", PSEUDONYMS) != site_key("South", PSEUDONYMS)
    assert site_key(" ", PSEUDONYMS) is None
    assert site_key("North", Pseudonyms(b"x" * 32)) != site_key("North", PSEUDONYMS)


def test_no_table_has_no_rows() -> None:
    assert read_sites("") == ()


@pytest.mark.parametrize(
    ("head", "rows", "words"),
    [
        ("what,site\n", "station,North\n", r"lacks the columns \['value'\]"),
        (
            HEAD,
            "station,CT1,North\nroom,3,South\n",
            "row 3: what: expected one of institution, station, .*, found 'room'",
        ),
        (HEAD, "station,CT1,\n", "row 2: site must be given, found a blank cell"),
    ],
)
def test_a_table_that_cannot_be_used_says_where(tmp_path: Path, head: str, rows: str, words: str) -> None:
    with pytest.raises(TableError, match=words):
        read_sites(table(tmp_path, rows, head))


def test_a_series_is_found_with_the_site_of_its_station_or_folder(tmp_path: Path) -> None:
    def stamped(dataset: Dataset, _: int) -> None:
        dataset.StationName = "CT2NORTH"
        dataset.InstitutionName = "St. Example"

    folder = write_series(tmp_path / "ct", CtSpec(change=stamped)).folder

    def key_under(settings: Settings) -> str | None:
        (series,) = find_series([folder], pseudonyms=PSEUDONYMS, settings=settings).series
        return series.site_key

    assert key_under(Settings()) == PSEUDONYMS.site("ST. EXAMPLE")
    by_station = Settings(site_table=table(tmp_path, "station,ct2north,North clinic\n"))
    assert key_under(by_station) == site_key("North clinic", PSEUDONYMS)
    by_folder = Settings(site_table=table(tmp_path, f"folder,{folder},South clinic\n"))
    assert key_under(by_folder) == site_key("South clinic", PSEUDONYMS)

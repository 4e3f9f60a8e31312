"""Any table of QCT values: columns guessed and mapped, rows taken or refused one by one, nothing repeated."""

from __future__ import annotations

import pytest

from commands.qct_table import guess_columns, map_rows, read_table
from osteo_core.errors import UsageError
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.terms import Level, Mineral

KEYS = Pseudonyms(b"k" * 32)
GERMAN = (
    "MRN;Vertebra;BMD\n77;L1;92,4\n77;2;88,0\n77;mean;90,2\n;L1;70\n78;L7;70\n79;L1;Mustermann\n77;L1;55,5\n80;;101\n"
)


def mapped(text: str, **more):
    table = read_table(text.encode())
    columns = guess_columns(table.columns)
    return map_rows(table, columns | more, KEYS, mineral=Mineral.HA, source="report")


def test_columns_are_guessed_by_their_words() -> None:
    assert guess_columns(["MRN", "Vertebra", "BMD"]) == {"PatientID": "MRN", "Level": "Vertebra", "vBMD_mg_cm3": "BMD"}
    assert guess_columns(["vBMD_mg_cm3", "Patient ID"]) == {"PatientID": "Patient ID", "vBMD_mg_cm3": "vBMD_mg_cm3"}
    assert guess_columns(["a", "b"]) == {}


def test_semicolons_decimal_commas_numbered_levels_and_a_fixed_mineral() -> None:
    found = mapped(GERMAN)
    assert [(v.level, v.vbmd_mg_cm3, v.mineral, v.source) for v in found.values] == [
        (Level.L1, 92.4, Mineral.HA, "report"),
        (Level.L2, 88.0, Mineral.HA, "report"),
        (None, 90.2, Mineral.HA, "report"),
        (None, 101.0, Mineral.HA, "report"),
    ]
    assert found.values[0].patient_key == KEYS.patient("77")


def test_each_refused_row_says_why_and_repeats_no_cell() -> None:
    found = mapped(GERMAN)
    assert {r.line: r.why for r in found.refused} == {
        5: "PatientID is blank",
        6: "Level must be one of ['L1', 'L2', 'L3', 'L4'] or blank",
        7: "vBMD_mg_cm3 must be a number from -150 to 500",
        8: "the same patient and level stand in line 2 with other values",
    }
    assert "Mustermann" not in repr(found.refused)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe\x00", "not text in UTF-8"),
        (b"", "holds no rows"),
        (b"a,b\n", "holds no rows"),
        (b"a,a\n1,2\n", r"\['a'\] stand more than once"),
    ],
)
def test_what_is_no_table_is_said(content: bytes, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_table(content)


def test_a_file_that_cannot_be_meant_is_refused_whole() -> None:
    with pytest.raises(UsageError, match=r"choose the columns for \['PatientID', 'vBMD_mg_cm3'\]"):
        mapped("x,y\n1,2\n")
    with pytest.raises(UsageError, match="g/cm3"):
        mapped("mrn,bmd\n1,0.092\n2,0.101\n")
    table = read_table(b"mrn,bmd\n1,92\n")
    with pytest.raises(UsageError, match=r"choose the columns for \['Mineral'\]"):
        map_rows(table, guess_columns(table.columns), KEYS, mineral=None, source="")

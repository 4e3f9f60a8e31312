"""Any table of QCT values: headings guessed in five languages, rows accepted or refused singly, no cell repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from osteo_core.errors import TableError
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.tables.content import read_table
from osteo_core.tables.qct import Mapped, guess, map_rows, read_reference
from osteo_core.terms import Level, Mineral

KEYS = Pseudonyms(b"k" * 32)
GERMAN = (
    "MRN;Vertebra;BMD\n77;L1;92,4\n77;2;88,0\n77;mean;90,2\n;L1;70\n78;L7;70\n79;L1;Mustermann\n77;L1;55,5\n80;;101\n"
)


def mapped(text: str, encoding: str = "utf-8", **more: str) -> Mapped:
    table = read_table(text.encode(encoding))
    return map_rows(table, guess(table) | more, KEYS, mineral=Mineral.HA, source="report")


@pytest.mark.parametrize(
    ("headings", "encoding"),
    [
        ("MRN;Vertebra;BMD;Calibration material", "utf-8"),
        ("Patient ID;Level;vBMD [mg/cm³];Mineral", "utf-16"),
        ("Patientennummer;Wirbelkörper;Knochendichte (mg/ml);Referenzmineral", "cp1252"),
        ("Pat.-Nr.;Höhe;Dichte in mg/cm3;Mineral", "latin-1"),
        ("N° patient;Vertèbre;Densité osseuse (mg/cm3);Minéral", "cp1252"),
        ("Número de paciente;Vértebra;Densidad ósea;Mineral de referencia", "utf-8-sig"),
        ("患者编号;椎体;骨密度（mg/cm³）;参考矿物", "utf-8"),
        ("病人编号;节段;体积骨密度;矿物质", "gb18030"),
    ],
)
def test_headings_are_guessed_in_five_languages(headings: str, encoding: str) -> None:
    rows = f"{headings}\n77;L1;92,4;HA\n78;L2;101,5;K2HPO4\n"
    found = mapped(rows, encoding)
    assert [(v.level, v.vbmd_mg_cm3, v.mineral) for v in found.values] == [
        (Level.L1, 92.4, Mineral.HA),
        (Level.L2, 101.5, Mineral.K2HPO4),
    ]
    assert found.refused == ()


@pytest.mark.parametrize(
    ("headings", "named"),
    [
        ("ID;Patientennummer;Knochendichte;Mineral", "'ID' and 'Patientennummer' may each be PatientID"),
        ("PatientID;BMD;trabecular BMD;Mineral", "'BMD' and 'trabecular BMD' may each be vBMD_mg_cm3"),
        ("PatientID;BMD (L1);BMD (L2);Mineral", r"'BMD \(L1\)' and 'BMD \(L2\)' may each be vBMD_mg_cm3"),
    ],
)
def test_two_headings_for_the_patient_or_the_density_are_left_to_the_person(
    headings: str, named: str, tmp_path: Path
) -> None:
    content = f"{headings}\n1;98;99;HA\n".encode()
    assert named.rsplit(maxsplit=1)[-1] not in guess(read_table(content))
    (tmp_path / "qct.csv").write_bytes(content)
    with pytest.raises(TableError, match=named):
        read_reference(tmp_path / "qct.csv", KEYS)
    # The documented name decides.
    (tmp_path / "qct.csv").write_text("ID;PatientID;BMD;vBMD_mg_cm3;Mineral\n1;P7;250;98;HA\n")
    (value,) = read_reference(tmp_path / "qct.csv", KEYS)
    assert (value.patient_key, value.vbmd_mg_cm3) == (KEYS.patient("P7"), 98.0)


@pytest.mark.parametrize(
    "beside",
    [
        *("BMD (T-score)", "BMD (SD)", "BMD [g/cm2]", "BMD (HU)", "BMD (CV %)", "BMD (95% CI)", "BMD (StdDev)"),
        *("BMD (% of young)", "BMD (±)", "BMD (min)", "Knochendichte (Standardabweichung)", "DMO (écart-type)"),
        *("DMO (DE)", "Densidad (desviación estándar)", "骨密度(标准差)", "骨密度（变异系数）"),
    ],
)
def test_a_score_or_spread_beside_the_density_is_no_second_density(beside: str, tmp_path: Path) -> None:
    (tmp_path / "qct.csv").write_text(f"PatientID;{beside};BMD (mg/cm3);Mineral\n1;-2.1;98;HA\n")
    (value,) = read_reference(tmp_path / "qct.csv", KEYS)
    assert value.vbmd_mg_cm3 == 98.0


def test_what_is_no_known_heading_is_left_to_the_person() -> None:
    assert guess(read_table(b"a,b\n1,2\n")) == {}
    words = "recognised for Patient and vBMD, mg/cm³; the first row with two filled cells must name the columns"
    with pytest.raises(TableError, match=words):
        mapped("x,y\n1,2\n")
    found = mapped("x,y\n1,92\n", PatientID="x", vBMD_mg_cm3="y")
    assert found.values[0].vbmd_mg_cm3 == 92.0


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
        5: "PatientID must be given, found a blank cell",
        6: "Level: expected one of L1, L2, L3, L4, found other words",
        7: "vBMD_mg_cm3: expected a number from -50 to 500 mg/cm3, found no number",
        8: "the same patient and level are in line 2 with other values",
    }
    assert "Mustermann" not in repr(found.refused)


def test_an_unquoted_decimal_comma_refuses_its_row_and_a_quoted_one_is_read() -> None:
    found = mapped('mrn,bmd,level\n1,92,4,L1\n2,"88,5",L1\n3,101.5,L1\n4,"1,020",L1\n')
    assert [value.vbmd_mg_cm3 for value in found.values] == [88.5, 101.5]
    assert {r.line: r.why for r in found.refused} == {
        2: "4 cells where 3 columns are; a decimal comma may lack its quotes",
        5: "vBMD_mg_cm3: expected a number from -50 to 500 mg/cm3, found a mark that may be decimal or group thousands",
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mrn,bmd\n1,0.092\n2,0.101\n", "as in g/cm3; give them in mg/cm3"),
        ("mrn,bmd\n1,-2.4\n2,-3.1\n3,0.4\n", "as T-scores are"),
        ("mrn,bmd\n1,1.2\n2,3.1\n", "as T-scores are"),
        ("mrn,T-score\n1,-2.4\n", "its heading says T-score"),
        ("mrn,bmd [HU]\n1,120\n", "must be in mg/cm3; its heading says HU"),
        ("mrn,Dichte (HE)\n1,120\n", "its heading says HU"),
        ("mrn,BMD (g/cm2)\n1,120\n", "its heading says g/cm2"),
        ("mrn,BMD g/cm³\n1,120\n", "its heading says g/cm3"),
        ("mrn,L1,L2\n1,120,110\n", "one row a patient and level is needed"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_whole(text: str, words: str) -> None:
    table = read_table(text.encode())
    columns = guess(table)
    if "L1" not in table.columns:
        columns = {"PatientID": table.columns[0], "vBMD_mg_cm3": table.columns[1]}
    with pytest.raises(TableError, match=words.replace("(", r"\(")):
        map_rows(table, columns, KEYS, mineral=Mineral.HA, source="")


def test_a_t_score_among_densities_refuses_its_row() -> None:
    found = mapped("mrn,bmd\n1,92\n2,-2.4\n3,101\n4,-12\n")
    assert [value.vbmd_mg_cm3 for value in found.values] == [92.0, 101.0, -12.0]
    (refused,) = found.refused
    assert refused.line == 3
    assert "found a number from -6 to 4, as T-scores and densities in g/cm3 are" in refused.why
    assert "say mg/cm3 in a column Unit" in refused.why


def test_a_density_as_small_as_a_t_score_is_taken_where_its_unit_is_said() -> None:
    # The vertebral marrow of old people may be almost only fat: the demo cohort has a level of 3.9 mg/cm3.
    found = mapped("mrn,bmd,unit\n1,92,mg/cm3\n2,3.9,mg/cm3\n3,-2.4,\n4,88,\n5,97,\n")
    assert [value.vbmd_mg_cm3 for value in found.values] == [92.0, 3.9, 88.0, 97.0]
    assert [refused.line for refused in found.refused] == [4]


def test_a_column_of_units_is_checked_row_by_row() -> None:
    found = mapped("mrn,bmd,unit\n1,92,mg/cm3\n2,93,mg/ml\n3,140,HU\n4,101,\n5,99,furlong\n")
    assert [value.vbmd_mg_cm3 for value in found.values] == [92.0, 93.0, 101.0]
    assert [(r.line, r.why) for r in found.refused] == [
        (4, "Unit: expected mg/cm3, found HU"),
        (6, "Unit: expected mg/cm3, found other words"),
    ]


def test_the_distribution_is_told_before_anything_is_taken_in() -> None:
    found = mapped("mrn,level,bmd,remark\n1,L1,80,x\n1,L2,100,\n2,L1,120,\n2,,140,\n")
    told = found.distribution
    assert told is not None
    assert (told.low, told.quartile_1, told.median, told.quartile_3, told.high) == (80, 95, 110, 125, 140)
    assert told.levels == {"L1": 2, "L2": 1, "mean": 1}
    assert told.bins == ((80.0, 1), (100.0, 1), (120.0, 1), (140.0, 1))
    assert found.unused == ("remark",)
    assert mapped("mrn,bmd\n,92\n").distribution is None


@pytest.mark.parametrize(
    "cell", ["1,23457E+11", "1.23457E+11", "12345.0", "1.2345678901234568e+17", "2026-04-03", "04-Mar"]
)
def test_a_patient_id_that_a_spreadsheet_altered_is_refused(cell: str) -> None:
    (refused,) = mapped(f'mrn;bmd\n"{cell}";92\n').refused
    assert "PatientID: expected an identifier as text (format the column as text" in refused.why
    assert cell not in refused.why
    assert mapped("mrn;bmd\n12E5;92\nA-1.0;93\n3-4;94\nMarc-04;95\n").refused == ()


@pytest.mark.parametrize("cell", ["Mean", "SD", "TOTAL", "n = 24", "Mittelwert", "平均值"])
def test_a_row_of_statistics_below_the_patients_is_nobodys(cell: str) -> None:
    (refused,) = mapped(f"mrn;bmd\n1;92\n{cell};93\n").refused
    assert refused.why == "PatientID: expected an identifier, found a word for a summary of rows; delete that row"
    assert mapped("mrn;bmd\nMEANS-1;92\nn24a;93\n").refused == ()


@pytest.mark.parametrize("heading", ["BMD [mg HA/cm3]", "vBMD_mgHA_cm3", "BMD CaHA (mg/cm3)", "Hydroxyapatit-Dichte"])
def test_a_heading_that_names_another_mineral_is_refused(heading: str) -> None:
    (refused,) = mapped(f"mrn;{heading};Mineral\n1;92;HA\n2;93;K2HPO4\n", vBMD_mg_cm3=heading).refused
    assert (refused.line, refused.why) == (
        3,
        "Mineral: expected HA, which the heading of the densities says, found K2HPO4",
    )
    table = read_table(b"mrn,BMD K2HPO4\n1,92\n")
    columns = {"PatientID": "mrn", "vBMD_mg_cm3": "BMD K2HPO4"}
    with pytest.raises(TableError, match="says K2HPO4, and HA is chosen"):
        map_rows(table, columns, KEYS, mineral=Mineral.HA, source="")
    assert map_rows(table, columns, KEYS, mineral=Mineral.K2HPO4, source="").values
    (value,) = map_rows(table, columns, KEYS, mineral=None, source="").values
    assert value.mineral is Mineral.K2HPO4, "the heading says it, so nobody is asked"


def test_a_mineral_must_be_chosen_or_told() -> None:
    table = read_table(b"mrn,bmd\n1,92\n")
    with pytest.raises(TableError, match="recognised for Mineral"):
        map_rows(table, guess(table), KEYS, mineral=None, source="")

"""``phantom``: the report on each phantom scan, as sentences and as JSON."""

import json

import pytest

from osteo_core import __main__ as command_line

TABLE = """scan_date,vendor,manufacturer_model_name,kvp,kernel_group,phantom,mineral,density_mg_cm3,mean_hu
2024-03-01,GE,LightSpeed VCT,120,,ESP,HA,0,0
2024-03-01,GE,LightSpeed VCT,120,,ESP,HA,100,130
2024-03-01,GE,LightSpeed VCT,120,,ESP,HA,200,260
2024-09-01,GE,LightSpeed VCT,120,,ESP,HA,0,-2.6
2024-09-01,GE,LightSpeed VCT,120,,ESP,HA,100,127.4
2024-09-01,GE,LightSpeed VCT,120,,ESP,HA,200,257.4
2024-10-01,GE,LightSpeed VCT,120,,ESP,HA,0,0
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "phantom.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def test_each_scan_has_its_sentence(table, capsys):
    assert command_line.main(["phantom", str(table)]) == 0
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == (
        "2024-03-01 GE LightSpeed VCT 120 kVp: 0.7692 x HU +0.0 mg/cm³ HA, R2 1.0000, residual 0.0, "
        "holds to 2024-08-31."
    )
    assert second.endswith("holds to 2025-09-01, drift -2.0 mg/cm³ at 100 since the scan before.")
    assert third.endswith("no line, different densities: 1, at least 3 are needed.")


def test_json_holds_numbers_and_refusals(table, monkeypatch, capsys):
    monkeypatch.setenv("OSTEO_PHANTOM_TABLE", str(table))
    assert command_line.main(["phantom", "--json"]) == 0
    lines = json.loads(capsys.readouterr().out)["lines"]
    assert [line["slope_mg_cm3_per_hu"] for line in lines] == [pytest.approx(1 / 1.3), pytest.approx(1 / 1.3), None]
    assert lines[1]["drift_mg_cm3"] == pytest.approx(-2.0)
    assert lines[2]["refusal"] == "different densities: 1, at least 3 are needed"


def test_without_a_table_one_sentence_says_what_to_do(capsys):
    assert command_line.main(["phantom"]) == 2
    assert "no phantom scans: name a CSV file, or set phantom_table to one" in capsys.readouterr().err

"""The benchmark of headers with false values: its parts separately, and a few patients."""

from __future__ import annotations

import pytest

from benchmarks.header_lies import main, share


def test_a_share_of_nothing_is_a_sentence() -> None:
    assert share(0, 0) == "no scan to ask"
    assert share(3, 60).startswith("3 of 60 (5.0 %, ")


def test_scanners_alone_need_no_rendered_patient(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--patients", "0", "--on-scanners", "20"])
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith("120 kVp stated, ")] == []
    assert len(lines) == 6


def test_a_number_below_nought_is_refused_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--patients", "-1"])
    assert "a number of patients from 0, found '-1'" in capsys.readouterr().err

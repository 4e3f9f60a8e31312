"""What a failure may report: the fault and its place in the code, and nothing about the person concerned."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.analyze_one import describe_failure, without_identifiers
from commands.cluster import attempts
from osteo_core.records import Series

SERIES = Series(
    series_key="a" * 16,
    study_key="b" * 16,
    patient_key="c" * 16,
    series_instance_uid="1.2.840.113619.2.55.3",
    files=(Path("/archive/Muster_Maria/19500229/IM0001.dcm"),),
)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("cannot read /archive/Muster_Maria/19500229/IM0001.dcm", "cannot read (hidden)"),
        ("no pixel data in IM0001", "no pixel data in (hidden)"),
        ("patient MUSTER^MARIA^^ born 19500229", "patient (hidden) born (hidden)"),
        ("series 1.2.840.113619.2.55.3 is empty", "series (hidden) is empty"),
        ("folder Muster_Maria\nis locked", "folder (hidden) is locked"),
        (
            "shape (512, 512, 99) does not fit 3 axes at 0.976 mm",
            "shape (512, 512, 99) does not fit 3 axes at 0.976 mm",
        ),
    ],
)
def test_messages_lose_whatever_could_name_a_person(told: str, expected: str) -> None:
    assert without_identifiers(told, SERIES) == expected


@given(before=st.text(alphabet="abc (),:", max_size=20), after=st.text(alphabet="abc (),:", max_size=20))
def test_no_place_in_a_message_keeps_a_name(before: str, after: str) -> None:
    told = without_identifiers(f"{before}Muster_Maria{after} {before}/archive/Muster_Maria/x{after}", SERIES)
    assert "Muster" not in told


def test_a_traceback_holds_places_in_code_and_no_values() -> None:
    try:
        Path("/archive/Muster_Maria/19500229/IM0001.dcm").read_bytes()
    except OSError as error:
        failure = describe_failure(SERIES, error)
    assert failure.kind == "FileNotFoundError"
    assert failure.message == "[Errno 2] No such file or directory: (hidden)"
    assert failure.traceback.startswith("test_analyze_one.py:")
    assert "Muster" not in failure.traceback


def test_attempts_are_counted_until_one_ends(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert attempts.deaths_before(folder, "one") == 0
    attempts.begin(folder, "one")
    attempts.begin(folder, "one")
    attempts.begin(folder, "two")
    assert (attempts.deaths_before(folder, "one"), attempts.deaths_before(folder, "two")) == (2, 1)
    attempts.end(folder, "one")
    assert attempts.deaths_before(folder, "one") == 0

"""Exit codes, one-sentence errors, JSON on standard output, and a progress bar that is silent without a terminal."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from commands import progress_bar
from commands.cluster.progress import Progress
from commands.command import Answer, Context
from osteo_core import __main__ as command_line
from osteo_core.errors import StoreError
from tests.house.sources import ROOT


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["weigh"], "invalid choice: 'weigh'"),
        (["index"], "the following arguments are required: PATH"),
        (["process", "/nowhere/at/all", "--out", "/tmp/out"], "there is no file or folder /nowhere/at/all"),
        (["process", "."], "the following arguments are required: --out"),
        (["analyze", "--workers", "0"], "--workers must be at least 1, found 0"),
        (["analyze", "--workers", "two"], "invalid int value: 'two'"),
        (["check", "--settings", "/nowhere/osteo.toml"], "no settings file at /nowhere/osteo.toml"),
        (["reference", "/nowhere.csv"], "there is no file or folder /nowhere.csv"),
        (["index", ""], "argument PATH: the path is empty; name a file or folder"),
        (["process", ".", "", "--out", "/tmp/out"], "argument PATH: the path is empty; name a file or folder"),
        (["process", ".", "--out", ""], "argument --out: the path is empty; name a file or folder"),
        (["process", "/dev/null", "--out", "/tmp/out"], "/dev/null is neither a file nor a folder"),
        (
            ["process", ".", "--out", "/tmp/out", "--masks", "/nowhere"],
            "masks must be a folder, but there is none at /nowhere",
        ),
        (["analyze", "--mask-tool", "verse"], "--mask-tool needs --masks FOLDER"),
        (["analyze", "--mask-tool", "mine"], "invalid choice: 'mine'"),
        (["analyze", "--engine", "totalsegmentator", "--masks", "/tmp"], "masks can only be used with engine = own"),
        (["demo", "--seed", "-1"], "--seed must be at least 0, found -1"),
        (["check", "--settings", "/"], "settings must be a file, but / is a folder"),
    ],
)
def test_bad_usage_is_one_sentence_and_exit_code_2(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(arguments) == 2
    out, err = capsys.readouterr()
    assert sentence in err
    assert err.count("\n") == 1
    assert out == ""


@pytest.mark.parametrize("command", [["index"], ["process", "--out", "out"], ["reference"]])
def test_a_pipe_is_refused_and_not_waited_for(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    assert command_line.main([*command, "pipe"]) == 2
    assert "pipe is neither a file nor a folder" in capsys.readouterr().err


def test_a_calibration_table_that_cannot_be_used_is_said_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lines.csv").write_text("no such columns\n")
    monkeypatch.setenv("OSTEO_CALIBRATION_TABLE", str(tmp_path / "lines.csv"))
    assert command_line.main(["analyze", "--store", str(tmp_path / "store")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def answer_with(monkeypatch: pytest.MonkeyPatch, outcome: Answer | BaseException) -> list[Context]:
    seen: list[Context] = []

    def run(arguments: object, context: Context) -> Answer:
        seen.append(context)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    monkeypatch.setattr("commands.check.run", run)
    return seen


def test_sentences_for_people_and_one_document_for_programs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer_with(monkeypatch, Answer(document={"ok": True, "where": Path("/x")}, sentences=("All is well.",)))
    assert command_line.main(["check"]) == 0
    assert capsys.readouterr().out == "All is well.\n"
    assert command_line.main(["check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "where": "/x"}


def test_the_store_is_the_options_then_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = answer_with(monkeypatch, Answer(document={}))
    monkeypatch.setenv("OSTEO_STORE", "/from/environment")
    command_line.main(["check"])
    command_line.main(["check", "--store", "/from/option"])
    assert [str(context.settings.store) for context in seen] == ["/from/environment", "/from/option"]


def test_a_fault_of_the_machine_is_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer_with(monkeypatch, StoreError("the store is newer than this program; update the program"))
    assert command_line.main(["check"]) == 1
    assert capsys.readouterr().err == "osteo_core: the store is newer than this program; update the program\n"


def test_a_file_that_the_system_refuses_is_one_sentence_without_its_path(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer_with(monkeypatch, OSError(28, "No space left on device", "/data/DOE^JANE/1"))
    assert command_line.main(["check"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("osteo_core: a file could not be read or written (No space left on device)")
    assert "DOE" not in err
    assert err.count("\n") == 1


def test_a_fault_of_the_program_is_one_sentence_without_what_it_quotes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer_with(monkeypatch, KeyError("DOE^JANE"))
    assert command_line.main(["check"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("osteo_core: internal error (KeyError in test_command_line.py, line ")
    assert "DOE" not in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["process", ".", "--out"], ["export", "--out"], ["index", ".", "--store"]])
def test_a_folder_that_cannot_be_written_to_is_bad_usage(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    assert command_line.main([*arguments, str(tmp_path / "file")]) == 2
    assert "must be a folder that can be written to" in capsys.readouterr().err


def test_a_finding_of_check_is_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(monkeypatch, Answer(document={}, code=1))
    assert command_line.main(["check"]) == 1


def test_ctrl_c_says_that_the_same_command_carries_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer_with(monkeypatch, KeyboardInterrupt())
    assert command_line.main(["check"]) == 130
    assert "Run the same command to continue" in capsys.readouterr().err


def test_a_polite_end_is_a_ctrl_c(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def run(arguments: object, context: Context) -> Answer:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
        return Answer(document={})

    monkeypatch.setattr("commands.check.run", run)
    former = signal.getsignal(signal.SIGTERM)
    try:
        assert command_line.main(["check"]) == 130
    finally:
        signal.signal(signal.SIGTERM, former)
    assert "Run the same command to continue" in capsys.readouterr().err


def test_help_answers_without_loading_what_is_heavy() -> None:
    code = (
        "import contextlib, io, sys; from osteo_core.__main__ import build_parser\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "    build_parser(only='').parse_args(['--help'])\n"
        "print(sorted({'torch', 'monai', 'duckdb', 'distributed', 'streamlit', 'SimpleITK', 'itkwidgets'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def reading(done: int, **rest: object) -> Progress:
    return Progress(stage="analyze", done=done, total=12, started_at="2026-11-24T00:00:00+00:00", **rest)  # type: ignore[arg-type]


def test_the_bar_shows_count_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("commands.progress_bar.time.monotonic", lambda: now[0])
    stream = Terminal()
    drawing = progress_bar.Bar(stream)
    drawing(reading(1))
    assert stream.getvalue() == ""
    now[0] = 2.0
    drawing(reading(3, rate_per_min=2.0, eta_s=270.0))
    drawing.close()
    assert stream.getvalue() == "\ranalyze [######..................] 3/12  2.0 a minute  4 min left\n"


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("commands.progress_bar.time.monotonic", lambda: now[0])
    stream = io.StringIO()
    drawing = progress_bar.Bar(stream)
    for now[0] in (2.0, 20.0, 31.0, 45.0, 62.0):
        drawing(reading(1))
    drawing.close()
    assert stream.getvalue().count("\n") == 2


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (89, "89 s"), (91, "2 min"), (5400, "1 h 30 min"), (11100, "3 h 05 min")]
)
def test_time_left_in_words(seconds: float, words: str) -> None:
    assert progress_bar.time_left(seconds) == words

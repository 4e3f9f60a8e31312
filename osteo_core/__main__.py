"""``python -m osteo_core COMMAND``: exits with 0 on success, 2 with one sentence for bad usage, 1 for other failures.

Exclusions are results, not failures. ``--json`` prints one JSON document on standard output; progress
and error messages go to standard error.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from commands.command import FAULT, OK, STOPPED, USAGE, Answer, Context, path_argument
from osteo_core.errors import OsteoError, SettingsError, UsageError
from osteo_core.settings import read_settings
from osteo_core.whole_files import keep_from_others

#: Environment variable; any value makes the program print the traceback of internal errors.
DEBUG = "OSTEO_DEBUG"
#: Every command and what it does; each is implemented by the module of that name in ``commands``.
COMMANDS = {
    "index": "read the headers of folders of CT into the store",
    "analyze": "segment and measure what is indexed and not yet done",
    "demo": "simulate patients of known truth and analyze them",
    "reference": "import QCT values from a table (CSV or .xlsx)",
    "phantom": "fit phantom scans and report lines, validity and drift",
    "pairs": "make calibration lines from the site's own pairs of CT and QCT",
    "export": "write the store's tables as Parquet and CSV",
    "corrections": "write what readers corrected as a training set",
    "send": "send signed reads to the PACS as DICOM SEG and SR",
    "check": "check environment, weights and store",
    "backup": "copy the store to a folder, also while it is in use",
    "restore": "make the store anew from a backup",
    "compact": "join the store's many small parts into few large ones",
    "erase": "erase one patient from the store, on request",
    "process": "run the pipeline over paths into a folder, without a store",
}
#: Meaning of --store for commands where it is not an existing store.
_STORES = {"restore": "folder of the new store", "process": "only used to find the pseudonym key"}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see '{self.prog} --help'")


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser of every command; with ``only``, only that command's arguments are added, so that help is fast."""
    parser = _Parser(
        prog="python -m osteo_core", description="Opportunistic osteoporosis screening on CT. Research use."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, help_text in COMMANDS.items():
        command = commands.add_parser(name, help=help_text, description=help_text[0].upper() + help_text[1:] + ".")
        if only in (None, name):
            importlib.import_module(f"commands.{name}").add_arguments(command)
        _add_shared(command, store=_STORES.get(name, "the store"))
    return parser


def _add_shared(parser: argparse.ArgumentParser, *, store: str) -> None:
    parser.add_argument(
        "--store", type=path_argument, metavar="DIR", help=f"{store} (default: OSTEO_STORE, else data/store)"
    )
    parser.add_argument(
        "--settings", type=Path, metavar="FILE", help="settings file (default: OSTEO_SETTINGS, else osteo.toml)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document on standard output")


def run(arguments: Sequence[str] | None = None) -> Answer:
    """Run one command. Raises UsageError for bad usage, OsteoError for other failures."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    named = next((argument for argument in given if not argument.startswith("-")), "")
    parsed = build_parser(only=named).parse_args(given)
    settings = read_settings(parsed.settings)
    if parsed.store:
        settings = replace(settings, store=parsed.store)
    command = importlib.import_module(f"commands.{parsed.command}")
    answer: Answer = command.run(parsed, Context(settings=settings))
    sys.stdout.write(
        json.dumps(answer.document, indent=2, default=str) + "\n"
        if parsed.json
        else "".join(f"{s}\n" for s in answer.sentences)
    )
    return answer


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; errors are one sentence on standard error."""
    keep_from_others()
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))  # SIGTERM is treated like Ctrl-C
    try:
        return run(arguments).code
    except (UsageError, SettingsError) as error:
        return _complain(error, USAGE)
    except OsteoError as error:
        return _complain(error, FAULT)
    except KeyboardInterrupt:
        return _complain("stopped; finished results are kept. Run the same command to continue", STOPPED)
    except BrokenPipeError:  # the reader of the pipe, such as `head`, has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        # The error message may quote a path, and a path may contain a name.
        reason = error.strerror or type(error).__name__
        return _complain(
            f"a file could not be read or written ({reason}); fix this and run the same command again", FAULT
        )
    except Exception as error:  # a traceback may quote a header or a path, so only its location is reported
        return _complain(_own_fault(error), FAULT)


def _own_fault(error: Exception) -> str:
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"internal error ({type(error).__name__} in {Path(frame.filename).name}, line {frame.lineno}); "
        f"finished results are kept. Please report it; {DEBUG}=1 prints the details, which may name patients"
    )


def _complain(message: object, code: int) -> int:
    sys.stderr.write(f"osteo_core: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())

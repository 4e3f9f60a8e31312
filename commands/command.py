"""What commands share: their context, options and answer."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from osteo_core.dicom.about import About, read_about
from osteo_core.errors import UsageError
from osteo_core.settings import ENGINES, MASK_TOOLS, Settings, checked

OK = 0
#: The command ran and found the installation or the store damaged, or the machine failed.
FAULT = 1
USAGE = 2
#: The exit code that shells give a process stopped by Ctrl-C.
STOPPED = 130
#: Maximum number of table lines named in a sentence.
_MOST_LINES = 10


@dataclass(frozen=True, kw_only=True)
class Context:
    """What every command receives: the settings, with ``store`` from the command line."""

    settings: Settings


@dataclass(frozen=True, kw_only=True)
class Answer:
    """``document`` is printed by ``--json``; ``sentences`` are for people."""

    document: dict[str, Any]
    sentences: tuple[str, ...] = field(default=())
    code: int = OK


def path_argument(text: str) -> Path:
    """A path from the command line. An empty one, as from an unset shell variable, does not mean the current folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError("the path is empty; name a file or folder")
    return Path(text)


def existing_paths(paths: list[Path]) -> list[Path]:
    """The paths. Raises UsageError naming one that is not a file or folder; the user typed that name."""
    for path in paths:
        if not path.exists():
            raise UsageError(f"there is no file or folder {path}; give the folder that holds the CT")
        if not (path.is_file() or path.is_dir()):  # reading a pipe would block
            raise UsageError(f"{path} is neither a file nor a folder; give the folder or file itself")
    return paths


def writable_folder(path: Path, what: str) -> Path:
    """The folder, created if missing. Raises UsageError if it is not writable. ``what`` names it, as '--out'."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise UsageError(
            f"{what} must be a folder that can be written to; {path} cannot ({error.strerror}); give another"
        ) from None
    return path


def add_worker_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command that runs the pipeline."""
    parser.add_argument("--workers", type=int, metavar="N", help="worker processes on this machine (setting workers)")
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="address of a running Dask scheduler, tcp://host:port or tls://host:port"
    )


def add_engine_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands that may use other segmentations."""
    parser.add_argument("--engine", choices=ENGINES, help="segmentation engine (setting engine; default own)")
    parser.add_argument(
        "--masks", type=path_argument, metavar="FOLDER", help="use the masks in this folder instead (setting masks)"
    )
    parser.add_argument(
        "--mask-tool",
        choices=MASK_TOOLS,
        help="numbering scheme of masks that do not name their vertebrae (setting mask_tool)",
    )


def with_engine(settings: Settings, arguments: argparse.Namespace) -> Settings:
    """The settings with the options of ``add_engine_arguments``; a named engine overrides masks.

    Raises SettingsError for a missing folder of masks, UsageError for a tool without masks.
    """
    given: dict[str, str] = {}
    if arguments.engine:
        given |= {"engine": arguments.engine, "masks": ""}
    if arguments.masks:
        given |= {"masks": str(arguments.masks)} | ({} if arguments.engine else {"engine": "own"})
    if arguments.mask_tool:
        given["mask_tool"] = arguments.mask_tool
    settings = checked(replace(settings, **given))  # type: ignore[arg-type]
    if arguments.mask_tool and not settings.masks:
        raise UsageError("--mask-tool needs --masks FOLDER")
    return settings


def add_about_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option of commands that find series."""
    parser.add_argument(
        "--about",
        type=path_argument,
        metavar="TABLE",
        help="table of scan data that NIfTI files lack: column 'file' and DICOM keywords (KVP, Manufacturer, ...)",
    )


def about_of(arguments: argparse.Namespace) -> About | None:
    """The table given by ``--about``, None without one. Raises TableError naming unusable rows."""
    return read_about(arguments.about) if arguments.about else None


def not_used(about: About | None, rows_without_file: Sequence[int]) -> tuple[str, ...]:
    """One sentence for unused headings and one for unmatched rows of the table; rows by line."""
    sentences = []
    if about and about.unused:
        sentences.append(f"Columns of the table that are not used: {', '.join(about.unused)}.")
    if rows_without_file:
        named = ", ".join(map(str, rows_without_file[:_MOST_LINES]))
        more = len(rows_without_file) - _MOST_LINES
        lines = f"{named} and {more} more" if more > 0 else named
        sentences.append(
            f"Rows of the table whose file was not found here: {len(rows_without_file)} (line {lines}); compare the "
            "column file with the names of the files."
        )
    return tuple(sentences)


def add_retry_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option of commands that skip what was done before."""
    parser.add_argument("--retry", action="store_true", help="repeat series that failed or killed their worker")


def with_workers(settings: Settings, arguments: argparse.Namespace) -> Settings:
    """The settings with the option ``--workers``.

    Reads the tables of the site first: otherwise each worker would report an unusable one for each series. Raises
    SettingsError for such a table, UsageError for fewer than one worker.
    """
    from osteo_core.density.calibration.setup import read_setup

    read_setup(settings)
    if arguments.workers is None:
        return settings
    if arguments.workers < 1:
        raise UsageError(f"--workers must be at least 1, found {arguments.workers}")
    return replace(settings, workers=arguments.workers)

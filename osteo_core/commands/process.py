"""``process PATH... --out DIR``: the pipeline over DICOM folders and NIfTI files, without a store."""

from __future__ import annotations

import argparse
import contextlib

from osteo_core.commands.bar import Bar
from osteo_core.commands.command import (
    Answer,
    Context,
    add_engine_arguments,
    add_retry_argument,
    add_worker_arguments,
    existing_paths,
    path_argument,
    with_engine,
    with_workers,
    writable_folder,
)
from osteo_core.commands.words import run_sentence


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument(
        "paths", nargs="+", type=path_argument, metavar="PATH", help="folder of DICOM, or NIfTI file or folder"
    )
    parser.add_argument(
        "--out", type=path_argument, required=True, metavar="DIR", help="where Parquet files and masks go"
    )
    add_worker_arguments(parser)
    add_engine_arguments(parser)
    add_retry_argument(parser)


def run(arguments: argparse.Namespace, context: Context) -> Answer:
    """Write series, measurements and exclusions as Parquet, and masks/*.nii.gz."""
    paths, settings = existing_paths(arguments.paths), with_workers(context.settings, arguments)
    settings = with_engine(settings, arguments)
    writable_folder(arguments.out, "--out")
    from osteo_core.engine.process import process

    with contextlib.closing(Bar()) as bar:
        summary = process(
            paths,
            arguments.out,
            settings=settings,
            scheduler=arguments.scheduler,
            retry=arguments.retry,
            listeners=(bar,),
        )
    return Answer(
        document={"out": str(arguments.out), **summary.as_dict()},
        sentences=(run_sentence(summary), f"Tables and masks are in {arguments.out}."),
    )

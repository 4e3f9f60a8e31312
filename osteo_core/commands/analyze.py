"""``analyze``: segment and measure what is indexed and not yet done."""

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
    with_engine,
    with_workers,
    writable_folder,
)
from osteo_core.commands.words import run_sentence


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    add_worker_arguments(parser)
    add_engine_arguments(parser)
    add_retry_argument(parser)


def run(arguments: argparse.Namespace, context: Context) -> Answer:
    """Analyse on the workers; results reach the store as parts."""
    settings = with_engine(with_workers(context.settings, arguments), arguments)
    writable_folder(settings.store, "the store")
    from osteo_core.engine.analyse import analyse

    with contextlib.closing(Bar()) as bar:
        summary = analyse(
            settings.store,
            settings=settings,
            scheduler=arguments.scheduler,
            retry=arguments.retry,
            listeners=(bar,),
        )
    return Answer(
        document={"store": str(settings.store), **summary.as_dict()},
        sentences=(run_sentence(summary),),
    )

"""``demo``: simulate patients of known truth and analyse them while the simulation goes on."""

from __future__ import annotations

import argparse
import contextlib

from osteo_core.commands.bar import Bar
from osteo_core.commands.command import Answer, Context, add_worker_arguments, with_workers, writable_folder
from osteo_core.commands.words import run_sentence
from osteo_core.errors import UsageError

#: Fits into ten minutes on two cores and 500 MB. Of the seeds kept for demos a stretch in which about as many have
#: osteoporosis as the curves expect (9 of 37 from 50 years on): the first forty happen to have half of that.
_PATIENTS = 40
_SEED = 100_300


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("--patients", type=int, default=_PATIENTS, metavar="N", help=f"how many (default {_PATIENTS})")
    parser.add_argument("--seed", type=int, default=_SEED, metavar="N", help=f"which patients (default {_SEED})")
    add_worker_arguments(parser)


def run(arguments: argparse.Namespace, context: Context) -> Answer:
    """Fill the store with a simulated cohort and its simulated QCT values."""
    from osteo_core.engine.demo import Cohort, demo

    if arguments.patients < 1:
        raise UsageError(f"--patients must be at least 1, found {arguments.patients}")
    if arguments.seed < 0:
        raise UsageError(f"--seed must be at least 0, found {arguments.seed}")
    settings = with_workers(context.settings, arguments)
    writable_folder(settings.store, "the store")
    with contextlib.closing(Bar()) as bar:
        summary = demo(
            settings.store,
            settings=settings,
            cohort=Cohort(patients=arguments.patients, seed=arguments.seed),
            scheduler=arguments.scheduler,
            listeners=(bar,),
        )
    return Answer(
        document={"store": str(settings.store), "patients": arguments.patients, **summary.as_dict()},
        sentences=(f"Simulated patients: {arguments.patients}. {run_sentence(summary)}",),
    )

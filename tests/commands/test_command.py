"""Shared by the commands: the options that choose an engine and override the settings."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from commands.command import add_engine_arguments, with_engine
from osteo_core.errors import SettingsError
from osteo_core.settings import Settings


def chosen(settings: Settings, *arguments: str) -> tuple[str, str, str]:
    parser = argparse.ArgumentParser()
    add_engine_arguments(parser)
    found = with_engine(settings, parser.parse_args(arguments))
    return found.engine, found.masks, found.mask_tool


def test_options_come_before_the_settings(tmp_path: Path) -> None:
    folder = str(tmp_path)
    site = Settings(masks=folder, mask_tool="verse")
    assert chosen(Settings()) == ("own", "", "names")
    assert chosen(site) == ("own", folder, "verse")
    assert chosen(site, "--engine", "own") == ("own", "", "verse")
    assert chosen(site, "--engine", "totalsegmentator") == ("totalsegmentator", "", "verse")
    assert chosen(site, "--mask-tool", "spineps") == ("own", folder, "spineps")
    assert chosen(Settings(engine="totalsegmentator"), "--masks", folder) == ("own", folder, "names")
    with pytest.raises(SettingsError, match="can only be used with engine = own"):
        chosen(Settings(), "--engine", "totalsegmentator", "--masks", folder)

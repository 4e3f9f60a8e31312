"""Words that were replaced and must not return, in code and docs (docs/glossary.md)."""

from __future__ import annotations

import re

import pytest

from tests.house.sources import ROOT

#: Pattern -> what to write instead. Case does not matter; letters and underscores around a word do.
BANNED = {
    r"analys(ed|er|ing|e(?!s))": "analyze",
    r"(?<![a-z])keepers?(?![a-z])": "who owns the store: holder",
    r"reference tissues?": "calibration tissue",
    r"reference_tissues?": "calibration_tissues",
    r"(?<![a-z])is_still(?![a-z])": "say what the flag means",
    r"\b(is|are|was|were) told\b(?! apart)": "is reported, is stated",
    r"\bof whom there\b": "there are ... of them",
    r"\bthe house\b": "the program",
    r"\bstands in the (address|file|table|card|worklist)\b": "is in the address, ...",
}
FOLDERS = ("osteo_core", "commands", "db", "models", "pages", "training", "benchmarks", "docs")
ENDINGS = (".py", ".md", ".sql", ".toml")
#: The page that lists these words as words to avoid.
ALLOWED = {"glossary.md"}


def texts() -> list[tuple[str, str]]:
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*")) if path.suffix in ENDINGS]
    own = [path for path in paths if path.name not in ALLOWED]
    both = [*own, ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "app.py"]
    return [(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in both]


@pytest.mark.parametrize("pattern", BANNED)
def test_words_that_were_replaced_do_not_come_back(pattern: str) -> None:
    word = re.compile(pattern, re.IGNORECASE)
    found = [
        f"{name}:{text[: hit.start()].count(chr(10)) + 1} {hit[0]}"
        for name, text in texts()
        for hit in word.finditer(text)
    ]
    assert found == [], f"write instead: {BANNED[pattern]}"

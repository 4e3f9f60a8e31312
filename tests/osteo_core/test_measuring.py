"""The version of the measuring code must be raised when the meaning of the code changes, and not for a comment."""

from __future__ import annotations

from pathlib import Path

import pytest

from osteo_core.measuring import MEASURING_SHA256, MEASURING_VERSION, code_hash, measuring_hash, tree_text
from osteo_core.records import SeriesResult
from tests.builders.cohort import build_cohort

SOURCE = '''"""A module."""

LIMIT = 3.0


def grade(loss: float) -> int:
    """A grade."""
    return 2 if loss > LIMIT else 0  # why
'''


def test_the_measuring_code_is_the_one_that_the_version_names() -> None:
    found = measuring_hash()
    assert found == MEASURING_SHA256, (
        "The measuring code or one of its tables changed in meaning (osteo_core/measuring.py names them). If any value, "
        "interval, grade, category or reason of a result can differ, raise MEASURING_VERSION: what was measured before "
        f"is then measured again. In any case write MEASURING_SHA256 = {found!r}."
    )


@pytest.mark.parametrize(
    "same",
    [
        SOURCE.replace("  # why", ""),
        SOURCE.replace('"""A grade."""', '"""Another docstring."""'),
        SOURCE.replace('    """A grade."""\n', ""),
        SOURCE.replace('"""A module."""\n\n', "# a comment\n"),
        SOURCE.replace("return 2 if loss > LIMIT else 0", "return (\n        2 if loss > LIMIT else 0\n    )"),
    ],
)
def test_comments_docstrings_and_layout_change_nothing(same: str) -> None:
    assert same != SOURCE
    assert tree_text(same) == tree_text(SOURCE)


@pytest.mark.parametrize(
    "other",
    [
        SOURCE.replace("3.0", "3.1"),
        SOURCE.replace("3.0", "3"),
        SOURCE.replace("loss > LIMIT", "loss >= LIMIT"),
        SOURCE.replace("return 2", "return 1"),
        SOURCE.replace("def grade", "def graded"),
        SOURCE.replace("loss: float", "loss: int"),
        SOURCE + "\nDONE = True\n",
    ],
)
def test_a_change_of_meaning_is_another_tree(other: str) -> None:
    assert tree_text(other) != tree_text(SOURCE)


def test_a_table_counts_by_its_bytes_and_a_file_by_its_name(tmp_path: Path) -> None:
    code, table = tmp_path / "a.py", tmp_path / "b.csv"
    code.write_text(SOURCE)
    table.write_text("1,2\n")
    first = code_hash([code, table])
    assert code_hash([table, code]) == first
    code.write_text(SOURCE.replace("# why", "# because"))
    assert code_hash([code, table]) == first
    table.write_text("1,3\n")
    assert code_hash([code, table]) != first
    table.write_text("1,2\n")
    assert code_hash([code, table.rename(tmp_path / "c.csv")]) != first


def test_every_result_carries_the_version() -> None:
    assert {result.measuring_version for result in build_cohort(6)} == {MEASURING_VERSION}
    assert SeriesResult.__dataclass_fields__["measuring_version"].default == MEASURING_VERSION

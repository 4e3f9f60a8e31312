"""Property tests draw the same examples in every run; files share the cores, the browser's tests share one app."""

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, database=None)
settings.load_profile("repeatable")

_BROWSER = Path(__file__).parent / "browser"


@pytest.hookimpl(tryfirst=True)  # before xdist writes groups into the names of tests
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One file stays in one process with its fixtures; all of tests/browser in one, since they drive one app."""
    for item in items:
        group = _BROWSER if _BROWSER in item.path.parents else item.path
        item.add_marker(pytest.mark.xdist_group(str(group)))

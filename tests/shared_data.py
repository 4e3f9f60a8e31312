"""Location of real CTs, label maps and tables that tests may use but that are not part of the project."""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared_data(*parts: str) -> Path:
    """The path below ../shared/data, or a skip that says what is missing."""
    path = SHARED_DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"this test needs {'/'.join(('../shared/data', *parts))}, which is not on this machine")
    return path

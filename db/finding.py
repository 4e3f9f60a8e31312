"""One check of a store or of the installation. It imports nothing: `check` also runs where packages are missing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One check: ``ok`` or not, and what was found."""

    name: str
    ok: bool
    message: str

    @property
    def line(self) -> str:
        """'ok    parts: 31 parts, each matches its hash'."""
        return f"{'ok   ' if self.ok else 'FAULT'} {self.name}: {self.message}"

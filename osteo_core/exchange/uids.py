"""UIDs of what is sent: the same read gives the same objects whenever it is sent, so no PACS holds a read twice."""

from __future__ import annotations

import uuid

#: Fixed for all time: another one would give every read new objects.
_NAMESPACE = uuid.UUID("5f0f4f0e-3c5c-4d3b-9a55-6f9f4e2b8f61")
SEG, SR = "SEG", "SR"


def uid_of(read_id: str, what: str) -> str:
    """'2.25.' and the UUID (version 5) of what was made of this read, as a number (DICOM PS3.5 B.2)."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, f'{read_id}/{what}').int}"

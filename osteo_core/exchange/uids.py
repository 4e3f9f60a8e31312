"""UIDs of objects sent to a PACS: resending a read gives the same UIDs, so a PACS never holds it twice."""

from __future__ import annotations

from osteo_core.pseudonyms import Pseudonyms

SEG, SR = "SEG", "SR"


def uid_of(pseudonyms: Pseudonyms, read_id: str, what: str) -> str:
    """The UID of an object made from this read.

    Derived with the site's key: exports contain read identifiers, and a PACS links these UIDs to the patient's name.
    """
    return pseudonyms.uid(f"{read_id}/{what}")

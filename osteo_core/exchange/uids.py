"""UIDs of what is sent: the same read gives the same objects whenever it is sent, so no PACS holds a read twice."""

from __future__ import annotations

from osteo_core.pseudonyms import Pseudonyms

SEG, SR = "SEG", "SR"


def uid_of(pseudonyms: Pseudonyms, read_id: str, what: str) -> str:
    """The UID of what was made of this read.

    It needs the site's key: an export names reads too, and a PACS holds their UIDs beside the patient's name.
    """
    return pseudonyms.uid(f"{read_id}/{what}")

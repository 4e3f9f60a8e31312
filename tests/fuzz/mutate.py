"""Damage contents as broken discs, faulty programs or malice would; the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Sequence

#: Pitfalls for readers: lengths, depths, numbers at the limits of their range, format markers, partial characters.
_WORDS = (
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\xfe\xff\0\xe0",
    b"SQ\0\0",
    b"1e99",
    b"1e400",
    b"NaN",
    b"-inf",
    b"-1",
    b"1_0",
    b"99999999999999999999",
    b"\xed\xa0\x80",
    b"\xd8\x00",
    b"\0",
    b'"',
    b"\r\n",
    b";",
    b"[" * 3000,
    b'{"a":' * 3000,
    b"&lt;",
    b"<![CDATA[",
    b"9" * 5000,
    b"=1+1",
    b"../",
    "\u202e\u0660\u00b2".encode(),
)
_REACH = 4096


def mutated(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """The content after one to eight changes; pieces may be taken from ``others``."""
    spoilt = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(min(len(spoilt), _REACH) + 1)
        if rng.random() < 0.2:
            at = rng.randrange(len(spoilt) + 1)
        match rng.randrange(7):
            case 0:
                spoilt[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                spoilt[at : at + rng.choice((0, 1, 4, 8))] = rng.choice(_WORDS)
            case 2:
                del spoilt[at : at + rng.randint(1, 60)]
            case 3:
                spoilt[at:at] = spoilt[at : at + rng.randint(1, 60)]
            case 4:
                piece = rng.choice(others)
                begin = rng.randrange(len(piece) + 1)
                spoilt[at : at + rng.randint(0, 40)] = piece[begin : begin + rng.randint(1, 40)]
            case 5:
                spoilt[at : at + 1] = bytes([(spoilt[at] if at < len(spoilt) else 0) ^ (1 << rng.randrange(8))])
            case _:
                if rng.random() < 0.3:
                    spoilt = spoilt[: max(at, 1)]
    return bytes(spoilt)

"""Named random streams: what one table draws never shifts what another draws."""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, name: str, part: int = 0) -> np.random.Generator:
    """The random stream of a name, independent of every other name and part.

    The name takes the place of the counter in `SeedSequence.spawn`, so that a new stream needs no place in an order.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(zlib.crc32(name.encode()), part)))

"""The numbers of `isnet-testkit/src/seeded.rs`: a stream per seed and name, the same bits in Rust and Python."""

import numpy as np


def fnv1a64(data: bytes) -> int:
    h = 0xCBF29CE484222325
    for byte in data:
        h = (h ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return h


def fraction(seed: str, name: str, count: int) -> np.ndarray:
    """`count` numbers in [0, 1): splitmix64, with 53 bits each."""
    z = np.arange(count, dtype=np.uint64)
    with np.errstate(over="ignore"):
        z += np.uint64(fnv1a64(f"{seed}/{name}".encode()))
        z += np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53

"""Torchvision's networks with the seeded weights, images and masks of `crates/isnet-train/benches/steps.rs`."""

import numpy as np
import torch
import torchvision
from torch import nn

SEED, HEAD_GAIN, SIDE, CLASSES, MANY_CLASSES = "peers", 0.1, 224, 3, 1000
CHUNK = 1 << 20


def fnv1a64(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def fractions(name, count):
    """`count` numbers in [0, 1) of `crates/isnet-testkit/src/seeded.rs`, in pieces that need little memory."""
    start = np.uint64(fnv1a64(f"{SEED}/{name}".encode()))
    with np.errstate(over="ignore"):
        start += np.uint64(0x9E3779B97F4A7C15)
        for first in range(0, count, CHUNK):
            z = np.arange(first, min(first + CHUNK, count), dtype=np.uint64) + start
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z = z ^ (z >> np.uint64(31))
            yield (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def seeded(name, shape, offset, scale):
    """`offset + scale·u` with u in [-1, 1)."""
    count = int(np.prod(shape))
    pieces = [(offset + scale * (2 * piece - 1)).astype(np.float32) for piece in fractions(name, count)]
    return torch.from_numpy(np.concatenate(pieces).reshape(shape))


@torch.no_grad()
def fill(model):
    """Gives every parameter and buffer its seeded value."""
    norms = {name for name, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)}
    head = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)][-1]
    of_norm = {"weight": (1.0, 0.2), "bias": (0.0, 0.1), "running_mean": (0.0, 0.1), "running_var": (1.0, 0.3)}
    for key, value in model.state_dict().items():
        module, leaf = key.rsplit(".", 1)
        if leaf == "num_batches_tracked":
            continue
        if module in norms:
            offset, scale = of_norm[leaf]
        else:
            offset, scale = 0.0, 0.1 if leaf == "bias" else np.sqrt(6 / np.prod(value.shape[1:]))
        values = seeded(key, value.shape, offset, scale)
        value.copy_(values * HEAD_GAIN if module == head else values)
    return model


def network(architecture, classes):
    return fill(getattr(torchvision.models, architecture)(weights=None, num_classes=classes))


def images(samples):
    values = np.concatenate(list(fractions("input", samples * 3 * SIDE * SIDE)))
    return torch.from_numpy(values.astype(np.float32).reshape(samples, 3, SIDE, SIDE))


def foreground(samples):
    mask = torch.zeros(samples, 1, SIDE, SIDE)
    mask[:, :, 56:168, 40:184] = 1
    return mask


def labels(samples):
    return torch.arange(samples) % CLASSES

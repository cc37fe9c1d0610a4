"""Writes torchvision_logits.json: logits of seeded networks on a seeded batch, in evaluation mode.

    OMP_NUM_THREADS=1 /tmp/tv/bin/python golden/torchvision_logits.py        (torchvision_names.py says how to get it)

Weights and images follow from the seed by the rule of `isnet-testkit/src/seeded.rs`. Batch 2, 64×64 pixels, 3 classes.
Tolerance: 1e-4 of the largest logit.
"""

import json
import pathlib
from functools import partial

import numpy as np
import torch
import torchvision

import splitmix64
from torchvision_names import build

SEED, CLASSES, BATCH, SIDE = "golden", 3, 2, 64
NAMES = ["resnet18", "resnet50", "densenet121", "vgg11", "vgg11_bn", "squeezenet1_0", "squeezenet1_1"]
NAMES += ["vit_b_16", "vit_s_16", "vit_ti_16"]
fraction = partial(splitmix64.fraction, SEED)


def seeded(name: str, shape: torch.Size, norm: bool) -> torch.Tensor:
    u = 2 * fraction(name, int(np.prod(shape))) - 1
    leaf = name.rsplit(".", 1)[-1]
    if norm:
        value = {"weight": 1 + 0.2 * u, "bias": 0.1 * u, "running_mean": 0.1 * u, "running_var": 1 + 0.3 * u}[leaf]
    elif leaf in ("bias", "in_proj_bias", "class_token", "pos_embedding"):
        value = 0.1 * u
    else:
        value = u * np.sqrt(6 / np.prod(shape[1:]))
    return torch.from_numpy(value.astype(np.float32).reshape(shape))


def logits(name: str) -> list:
    size = {"image_size": SIDE} if name.startswith("vit_") else {}
    model = build(name, num_classes=CLASSES, **size).eval()
    norms = {key for key, module in model.named_modules() if isinstance(module, (torch.nn.BatchNorm2d, torch.nn.LayerNorm))}
    state = {}
    for key, value in model.state_dict().items():
        counter = key.endswith("num_batches_tracked")
        state[key] = value if counter else seeded(key, value.shape, key.rsplit(".", 1)[0] in norms)
    model.load_state_dict(state, strict=True)
    shape = (BATCH, 3, SIDE, SIDE)
    image = torch.from_numpy(fraction("input", int(np.prod(shape))).astype(np.float32).reshape(shape))
    with torch.no_grad():
        return model(image).tolist()


if __name__ == "__main__":
    torch.set_num_threads(1)
    out = {"torchvision": torchvision.__version__, "seed": SEED, "batch": BATCH, "side": SIDE}
    out["logits"] = {name: logits(name) for name in NAMES}
    path = pathlib.Path(__file__).with_name("torchvision_logits.json")
    path.write_text(json.dumps(out, indent=1) + "\n")

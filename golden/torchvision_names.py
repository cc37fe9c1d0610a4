"""Writes torchvision_names.json: for every architecture, what its `state_dict` holds.

    python3 -m venv /tmp/tv && /tmp/tv/bin/pip install torch==2.15.0 torchvision==0.29.2
    /tmp/tv/bin/python golden/torchvision_names.py

`tensors`: entries of the state_dict; `parameters`: trainable values; `hash`: fnv1a64 over the lines `name:shape`, in
state_dict order, where shape is the sizes joined by commas (nothing for a scalar).
"""

import json
import pathlib

import torch
import torchvision

from splitmix64 import fnv1a64

NAMES = (
    [f"densenet{n}" for n in (121, 161, 169, 201)]
    + [f"resnet{n}" for n in (18, 34, 50, 101, 152)]
    + ["squeezenet1_0", "squeezenet1_1"]
    + [f"vgg{n}{bn}" for n in (11, 13, 16, 19) for bn in ("", "_bn")]
    + ["vit_b_16", "vit_s_16", "vit_ti_16"]
)
# Torchvision has no S and Ti; they are its class with DeiT's sizes.
HEADS = {"vit_s_16": 6, "vit_ti_16": 3}


def build(name: str, **arguments) -> torch.nn.Module:
    if name not in HEADS:
        return getattr(torchvision.models, name)(weights=None, **arguments)
    heads = HEADS[name]
    sizes = {"patch_size": 16, "num_layers": 12, "num_heads": heads, "hidden_dim": 64 * heads, "mlp_dim": 256 * heads}
    return torchvision.models.VisionTransformer(**{"image_size": 224, **sizes, **arguments})


def entry(name: str) -> dict:
    with torch.device("meta"):
        model = build(name)
    state = model.state_dict()
    lines = "".join(f"{key}:{','.join(map(str, value.shape))}\n" for key, value in state.items())
    return {
        "tensors": len(state),
        "parameters": sum(value.numel() for value in model.parameters()),
        "hash": f"{fnv1a64(lines.encode()):016x}",
    }


if __name__ == "__main__":
    out = {"torchvision": torchvision.__version__, "architectures": {name: entry(name) for name in NAMES}}
    path = pathlib.Path(__file__).with_name("torchvision_names.json")
    path.write_text(json.dumps(out, indent=1) + "\n")

"""Writes zennit_relevance.json: relevance by zennit's rules and composites, in f64.

    /tmp/tv/bin/pip install zennit==0.5.1               (torchvision_names.py says how to get the rest)
    OMP_NUM_THREADS=2 /tmp/tv/bin/python golden/zennit_relevance.py

Weights and images follow from the seed by the rule of `isnet-testkit/src/seeded.rs`; the networks are those of
`isnet-models/tests/zennit.rs`, node for node. All logits are explained at once: relevance starts with `logit * SEEDS`.

- `layers`: a conv and a dense layer alone, an input of any sign, each rule. Heatmaps `[C, H, W]`, row by row.
- `nets`: small networks, odd sizes, each composite. Heatmaps likewise.
- `models`: torchvision's networks at 64 pixels. Sums of relevance over channels and cells of 8x8 pixels, and over all |R| and R^2.

Batch norms are merged into the convolutions in front of them by name: zennit's sequential canonizer would merge, in a DenseNet, a norm
into the conv of another layer. A merged norm keeps its epsilon in zennit and goes on dividing by sqrt(1 + 1e-5); here it becomes the
identity. Functions in a forward pass are modules here, so that zennit gives them a rule.
"""

import importlib.metadata
import json
import pathlib
from functools import partial

import numpy as np
import torch
import torchvision
from torch.nn import AdaptiveAvgPool2d, AvgPool2d, BatchNorm2d, Conv2d, Flatten, Linear, MaxPool2d, Module, ReLU
from zennit import composites, rules
from zennit.attribution import Gradient
from zennit.canonizers import NamedMergeBatchNorm
from zennit.layer import Sum
from zennit.torchvision import ResNetBasicBlockCanonizer

import splitmix64

SEED, SEEDS = "zennit", [1.0, -0.5, 0.25]
RULES = {
    "epsilon": rules.Epsilon(epsilon=0.01),
    "z_plus": rules.ZPlus(),
    "alpha2_beta1": rules.AlphaBeta(alpha=2, beta=1),
    "gamma": rules.Gamma(gamma=0.25),
    "w_square": rules.WSquare(),
    "flat": rules.Flat(),
    "z_box": rules.ZBox(low=-1.0, high=1.0),
}
COMPOSITES = {
    "epsilon_plus": lambda **kw: composites.EpsilonPlus(**kw),
    "epsilon_plus_flat": lambda **kw: composites.EpsilonPlusFlat(**kw),
    "epsilon_alpha2_beta1": lambda **kw: composites.EpsilonAlpha2Beta1(**kw),
    "epsilon_alpha2_beta1_flat": lambda **kw: composites.EpsilonAlpha2Beta1Flat(**kw),
    "epsilon_gamma_box": lambda **kw: composites.EpsilonGammaBox(low=0.0, high=1.0, **kw),
    "excitation_backprop": lambda **kw: composites.ExcitationBackprop(**kw),
}
fraction = partial(splitmix64.fraction, SEED)


def seeded(model: Module) -> Module:
    norms = {key for key, module in model.named_modules() if isinstance(module, BatchNorm2d)}
    state = {}
    for key, value in model.state_dict().items():
        if key.endswith("num_batches_tracked"):
            state[key] = value
            continue
        u = 2 * fraction(key, value.numel()) - 1
        node, leaf = key.rsplit(".", 1)
        if node in norms:
            new = {"weight": 1 + 0.2 * u, "bias": 0.1 * u, "running_mean": 0.1 * u, "running_var": 1 + 0.3 * u}[leaf]
        elif leaf == "bias":
            new = 0.1 * u
        else:
            new = u * np.sqrt(6 / np.prod(value.shape[1:]))
        state[key] = torch.from_numpy(new.astype(np.float32).reshape(value.shape))
    model.load_state_dict(state, strict=True)
    return model.double().eval()


def image(channels: int, height: int, width: int) -> torch.Tensor:
    values = fraction("input", channels * height * width).astype(np.float32)
    return torch.from_numpy(values.reshape(1, channels, height, width)).double()


def relevance(model: Module, composite, x: torch.Tensor, seeds: torch.Tensor) -> torch.Tensor:
    with Gradient(model=model, composite=composite) as attributor:
        return attributor(x, lambda logits: logits * seeds)[1].detach()


class Merge(NamedMergeBatchNorm):
    """Leaves the identity behind."""

    def register(self, linears, batch_norm):
        super().register(linears, batch_norm)
        self.eps, batch_norm.eps = batch_norm.eps, 0.0

    def remove(self):
        super().remove()
        self.batch_norm.eps = self.eps


class Vgg(Module):
    def __init__(self):
        super().__init__()
        self.conv0, self.relu0 = Conv2d(2, 3, 3, padding=1), ReLU()
        self.conv1, self.relu1 = Conv2d(3, 4, 3, padding=1, stride=2), ReLU()
        self.pool, self.flatten = MaxPool2d(2), Flatten()
        self.fc0, self.relu2, self.fc1 = Linear(16, 5), ReLU(), Linear(5, 3)

    def forward(self, x):
        x = self.pool(self.relu1(self.conv1(self.relu0(self.conv0(x)))))
        return self.fc1(self.relu2(self.fc0(self.flatten(x))))


class VggBn(Module):
    NORMS = [(["conv0"], "norm0"), (["conv1"], "norm1")]

    def __init__(self):
        super().__init__()
        self.conv0, self.norm0, self.relu0 = Conv2d(2, 3, 3, padding=1), BatchNorm2d(3), ReLU()
        self.pool = AvgPool2d(2)
        self.conv1, self.norm1, self.relu1 = Conv2d(3, 4, 3), BatchNorm2d(4), ReLU()
        self.flatten, self.fc = Flatten(), Linear(8, 3)

    def forward(self, x):
        x = self.pool(self.relu0(self.norm0(self.conv0(x))))
        return self.fc(self.flatten(self.relu1(self.norm1(self.conv1(x)))))


class ResNet(Module):
    NORMS = [(["conv0"], "norm0"), (["conv1"], "norm1"), (["conv2"], "norm2"), (["conv3"], "norm3"), (["down"], "norm4")]

    def __init__(self):
        super().__init__()
        self.conv0, self.norm0, self.relu0 = Conv2d(2, 4, 3, padding=1, bias=False), BatchNorm2d(4), ReLU()
        self.pool = MaxPool2d(3, stride=2, padding=1)
        self.conv1, self.norm1, self.relu1 = Conv2d(4, 4, 3, padding=1, bias=False), BatchNorm2d(4), ReLU()
        self.conv2, self.norm2 = Conv2d(4, 4, 3, padding=1, bias=False), BatchNorm2d(4)
        self.add1, self.relu2 = Sum(), ReLU()
        self.conv3, self.norm3 = Conv2d(4, 6, 3, stride=2, padding=1, bias=False), BatchNorm2d(6)
        self.down, self.norm4 = Conv2d(4, 6, 1, stride=2, bias=False), BatchNorm2d(6)
        self.add2, self.relu3 = Sum(), ReLU()
        self.avgpool, self.flatten, self.fc = AdaptiveAvgPool2d(1), Flatten(), Linear(6, 3)

    def forward(self, x):
        x = self.pool(self.relu0(self.norm0(self.conv0(x))))
        y = self.norm2(self.conv2(self.relu1(self.norm1(self.conv1(x)))))
        x = self.relu2(self.add1(torch.stack([x, y], dim=-1)))
        y, x = self.norm3(self.conv3(x)), self.norm4(self.down(x))
        x = self.relu3(self.add2(torch.stack([x, y], dim=-1)))
        return self.fc(self.flatten(self.avgpool(x)))


class DenseNet(Module):
    """Three layers that each append two features, a transition, a last norm."""

    NORMS = [(["conv0"], "norm0")] + [([f"layer{i}_conv1"], f"layer{i}_norm2") for i in range(3)]

    def __init__(self):
        super().__init__()
        self.conv0, self.norm0, self.relu0 = Conv2d(2, 3, 3, padding=1, bias=False), BatchNorm2d(3), ReLU()
        for i in range(3):
            channels = 3 + 2 * i
            self.add_module(f"layer{i}_norm1", BatchNorm2d(channels))
            self.add_module(f"layer{i}_relu1", ReLU())
            self.add_module(f"layer{i}_conv1", Conv2d(channels, 4, 1, bias=False))
            self.add_module(f"layer{i}_norm2", BatchNorm2d(4))
            self.add_module(f"layer{i}_relu2", ReLU())
            self.add_module(f"layer{i}_conv2", Conv2d(4, 2, 3, padding=1, bias=False))
        self.norm, self.relu, self.conv, self.pool = BatchNorm2d(9), ReLU(), Conv2d(9, 4, 1, bias=False), AvgPool2d(2)
        self.norm5, self.relu5 = BatchNorm2d(4), ReLU()
        self.avgpool, self.flatten, self.fc = AdaptiveAvgPool2d(1), Flatten(), Linear(4, 3)

    def forward(self, x):
        x = self.relu0(self.norm0(self.conv0(x)))
        for i in range(3):
            y = x
            for part in ["norm1", "relu1", "conv1", "norm2", "relu2", "conv2"]:
                y = getattr(self, f"layer{i}_{part}")(y)
            x = torch.cat([x, y], dim=1)
        x = self.pool(self.conv(self.relu(self.norm(x))))
        return self.fc(self.flatten(self.avgpool(self.relu5(self.norm5(x)))))


class DenseNet121(Module):
    """Torchvision's, the two functions of its forward pass as modules."""

    def __init__(self):
        super().__init__()
        whole = torchvision.models.densenet121(weights=None, num_classes=len(SEEDS))
        self.features, self.classifier = whole.features, whole.classifier
        self.relu5, self.avgpool, self.flatten = ReLU(), AdaptiveAvgPool2d(1), Flatten()

    def forward(self, x):
        return self.classifier(self.flatten(self.avgpool(self.relu5(self.features(x)))))


def digits(values: torch.Tensor) -> list:
    return [float(f"{value:.10g}") for value in values.flatten().tolist()]


def layers() -> dict:
    found = {}
    for name, build, x in [
        ("conv", lambda: Conv2d(2, 3, 3, padding=1, stride=2), 2 * image(2, 5, 4) - 1),
        ("fc", lambda: Linear(7, 3), 2 * image(7, 1, 1).flatten(1) - 1),
    ]:
        for rule, hook in RULES.items():
            model = Module()
            model.add_module(name, build())
            model.forward = getattr(model, name).forward
            model = seeded(model)
            layer = getattr(model, name)
            composite = composites.LayerMapComposite(layer_map=[(type(layer), hook)])
            found[f"{name}/{rule}"] = digits(relevance(layer, composite, x.clone(), torch.ones(1, dtype=torch.double)))
    return found


def nets() -> dict:
    found, seeds = {}, torch.tensor(SEEDS, dtype=torch.double)
    for name, kind in [("vgg", Vgg), ("vgg_bn", VggBn), ("resnet", ResNet), ("densenet", DenseNet)]:
        for composite, make in COMPOSITES.items():
            if (name, composite) == ("densenet", "excitation_backprop"):
                continue  # it has no rule for a batch norm that is not merged
            for suffix, zero in [("", None), ("/no_bias", "bias")]:
                canonizers = [Merge(getattr(kind, "NORMS", []))]
                rule = make(canonizers=canonizers, zero_params=zero)
                found[f"{name}/{composite}{suffix}"] = digits(relevance(seeded(kind()), rule, image(2, 9, 7), seeds))
    return found


def norms_behind(model: Module) -> list:
    """Every batch norm that follows a conv in the order of the modules, except where a DenseNet's concatenation stands between."""
    found, last = [], None
    for key, module in model.named_modules():
        if isinstance(module, BatchNorm2d) and last and not key.endswith(("norm1", ".norm", "norm5")):
            found.append(([last], key))
        last = key if isinstance(module, Conv2d) else None
    return found


def models() -> dict:
    found, seeds, side = {}, torch.tensor(SEEDS, dtype=torch.double), 64
    for name in ["resnet18", "densenet121", "vgg11_bn"]:
        plain = getattr(torchvision.models, name)
        model = seeded(DenseNet121() if name == "densenet121" else plain(weights=None, num_classes=len(SEEDS)))
        canonizers = [Merge(norms_behind(model)), ResNetBasicBlockCanonizer()]
        for composite in ["epsilon_plus", "epsilon_alpha2_beta1_flat", "epsilon_gamma_box"]:
            heatmap = relevance(model, COMPOSITES[composite](canonizers=canonizers), image(3, side, side), seeds)
            cells = heatmap.sum(1).reshape(8, side // 8, 8, side // 8).sum((1, 3))
            abs_sum, square_sum = digits(torch.stack([heatmap.abs().sum(), heatmap.square().sum()]))
            found[f"{name}/{composite}"] = {"cells": digits(cells), "abs_sum": abs_sum, "square_sum": square_sum}
    return found


def row(name: str, value) -> str:
    return f"  {json.dumps(name)}: {json.dumps(value, separators=(',', ':'))}"


out = {"zennit": importlib.metadata.version("zennit"), "torch": torch.__version__, "torchvision": torchvision.__version__}
sections = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in (out | {"seed": SEED, "seeds": SEEDS}).items()]
for key, found in [("layers", layers()), ("nets", nets()), ("models", models())]:
    sections.append(f" {json.dumps(key)}: {{\n" + ",\n".join(row(*item) for item in found.items()) + "\n }")
path = pathlib.Path(__file__).with_name("zennit_relevance.json")
path.write_text("{\n" + ",\n".join(sections) + "\n}\n")

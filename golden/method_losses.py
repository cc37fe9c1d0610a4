"""Writes method_losses.json: losses of the methods beside ISNet and their gradients, by PyTorch's double backward.

    OMP_NUM_THREADS=1 /tmp/tv/bin/python golden/method_losses.py        (torchvision_names.py says how to get it)

Weights and images follow from the seed by the rule of `isnet-testkit/src/seeded.rs`, in float64. Networks are in evaluation mode: batch statistics
are constants of the relevance walk, but not of PyTorch's gradient. Batch 3, 12×12 pixels of one channel, 3 classes; masks are rectangles, the last
sample has none. Each case has its terms, its total and the ℓ2 norm of the gradient of the total by each parameter. Tolerance: 1e-12
of each loss, 1e-7 of each norm.
"""

import json
import pathlib
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import splitmix64

SEED, CLASSES, BATCH, SIDE = "methods", 3, 3, 12
LABELS = torch.tensor([2, 0, 1])
ROWS = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 1.0, 1.0]], dtype=torch.float64)
KNOWN = 2  # samples with a mask, the first ones
RRR_WEIGHT = 50.0
GAIN = {"mining": 0.75, "mask": 4.0, "steepness": 10.0, "threshold": 0.5}
SEGMENTATION_WEIGHT = 0.6
HAM = {"anomaly": 0.3, "mask": 2.0, "bound": 0.5, "union": 0.7, "steepness": 8.0, "threshold": 0.4, "activation_threshold": 0.75}
SHARPNESS = 6.0
fraction = partial(splitmix64.fraction, SEED)


def seeded(model: nn.Module) -> nn.Module:
    norms = {key for key, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)}
    state = {}
    for name, value in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        module, leaf = name.rsplit(".", 1)
        u = 2 * fraction(name, value.numel()) - 1
        if module in norms:
            u = {"weight": 1 + 0.2 * u, "bias": 0.1 * u, "running_mean": 0.1 * u, "running_var": 1 + 0.3 * u}[leaf]
        elif leaf == "bias":
            u = 0.1 * u
        else:
            u = u * np.sqrt(6 / np.prod(value.shape[1:]))
        state[name] = torch.from_numpy(u.astype(np.float32).astype(np.float64).reshape(value.shape))
    model.double().load_state_dict(state, strict=False)
    return model.eval()


class Plain(nn.Sequential):
    """`plain_cnn` with its default stages."""

    def __init__(self):
        conv = lambda i, o: nn.Conv2d(i, o, 3, padding=1)
        features = [conv(1, 8), nn.ReLU(), nn.MaxPool2d(2), conv(8, 16), nn.ReLU(), nn.MaxPool2d(2), conv(16, 24), nn.ReLU()]
        super().__init__(*features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, CLASSES))

    def features(self, x):
        for module in list(self)[:8]:
            x = module(x)
        return x

    def head(self, f):
        for module in list(self)[8:]:
            f = module(f)
        return f


def block(channels_in: int, channels: int) -> nn.Module:
    module = nn.Module()
    for number, (i, o) in enumerate([(channels_in, channels), (channels, channels)], 1):
        module.add_module(f"conv{number}", nn.Conv2d(i, o, 3, padding=1, bias=False))
        module.add_module(f"norm{number}", nn.BatchNorm2d(o))
    return module


def run(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    for number in [1, 2]:
        x = F.relu(module.get_submodule(f"norm{number}")(module.get_submodule(f"conv{number}")(x)))
    return x


class UNet(nn.Module):
    """`unet` with stages of these channels, and a classification head on the last."""

    def __init__(self, channels=(4, 6, 8)):
        super().__init__()
        self.depth = len(channels)
        for level, (i, o) in enumerate(zip((1, *channels), channels), 1):
            self.add_module(f"down{level}", block(i, o))
        for level in range(self.depth - 1, 0, -1):
            up = block(2 * channels[level - 1], channels[level - 1])
            up.add_module("transpose", nn.ConvTranspose2d(channels[level], channels[level - 1], 2, stride=2))
            self.add_module(f"up{level}", up)
        self.segmentation = nn.Conv2d(channels[0], 1, 1)
        self.fc = nn.Linear(channels[-1], CLASSES)

    def forward(self, x):
        skips = []
        for level in range(1, self.depth + 1):
            x = run(self.get_submodule(f"down{level}"), x)
            if level < self.depth:
                skips.append(x)
                x = F.max_pool2d(x, 2)
        logits = self.fc(x.mean((2, 3)))
        for level in range(self.depth - 1, 0, -1):
            up = self.get_submodule(f"up{level}")
            x = run(up, torch.cat([skips.pop(), up.transpose(x)], 1))
        return logits, self.segmentation(x)


class Sononet(nn.Module):
    """`ag_sononet` with stages of these channels, one convolution each."""

    def __init__(self, channels=(3, 4, 6)):
        super().__init__()
        for stage, (i, o) in enumerate(zip((1, *channels), channels), 1):
            for kind, layer in [("conv", nn.Conv2d(i, o, 3, padding=1, bias=False)), ("norm", nn.BatchNorm2d(o))]:
                self.add_module(f"{kind}{stage}", nn.Module())
                self.get_submodule(f"{kind}{stage}").add_module("1", layer)
        for stage in [1, 2]:
            gate = nn.Module()
            gate.theta = nn.Conv2d(channels[stage - 1], channels[-1], 1, bias=False)
            gate.phi = nn.Conv2d(channels[-1], channels[-1], 1)
            gate.psi = nn.Conv2d(channels[-1], 1, 1)
            self.add_module(f"attention{stage}", gate)
        self.fc = nn.Linear(sum(channels), CLASSES)

    def forward(self, x):
        features = []
        for stage in [1, 2, 3]:
            x = F.relu(self.get_submodule(f"norm{stage}.1")(self.get_submodule(f"conv{stage}.1")(x)))
            features.append(x)
            if stage < 3:
                x = F.max_pool2d(x, 2)
        signal, parts = features[2], []
        for stage in [1, 2]:
            gate, x = self.get_submodule(f"attention{stage}"), features[stage - 1]
            phi = F.interpolate(gate.phi(signal), size=x.shape[2:], mode="bilinear", align_corners=False)
            score = gate.psi(F.relu(gate.theta(x) + phi)).flatten(2)
            above = score - score.min(2, keepdim=True).values
            share = above / above.sum(2, keepdim=True)
            parts.append((share * x.flatten(2)).sum(2))
        return self.fc(torch.cat([*parts, signal.mean((2, 3))], 1))


class Attended(nn.Module):
    """`plain_cnn` with hierarchical attention in place of its head: 24 features, 6 inside the foreground attention."""

    def __init__(self, channels=24, inner=6):
        super().__init__()
        plain = Plain()
        for name in ["0", "3", "6"]:
            self.add_module(name, plain.get_submodule(name))
        conv = lambda i, o, k=3: nn.Conv2d(i, o, k, padding=k // 2, bias=False)
        normed = lambda i, o: nn.Sequential(conv(i, o), nn.BatchNorm2d(o))
        fa = nn.Module()
        fa.conv1, fa.conv2, fa.conv3, fa.conv4 = conv(inner, 1, 1), conv(inner, inner, 1), conv(inner, 1, 1), conv(1, 1)
        fa.channel_fc = nn.Sequential(nn.Linear(inner, 1, bias=False), nn.ReLU(), nn.Linear(1, inner, bias=False))
        fa.bn4, fa.gamma = nn.BatchNorm2d(1), conv(1, inner, 1)
        self.fa_layer = nn.Module()
        self.fa_layer.conva, self.fa_layer.fa, self.fa_layer.convb = normed(channels, inner), fa, normed(inner, inner)
        self.cls_head = normed(channels + inner, channels)
        self.anomaly_fc, self.cls_fc = nn.Linear(channels, 1, bias=False), nn.Linear(channels, CLASSES, bias=False)

    def features(self, x):
        for name in ["0", "3", "6"]:
            x = F.relu(self.get_submodule(name)(x))
            x = x if name == "6" else F.max_pool2d(x, 2)
        inside, fa = self.fa_layer.conva(x), self.fa_layer.fa
        weights = torch.softmax(fa.conv1(inside).flatten(2), 2)
        context = (inside.flatten(2) * weights).sum(2)
        opening = torch.sigmoid(fa.channel_fc(context))
        place = fa.conv3(fa.conv2(inside) * opening[:, :, None, None])
        place = place * torch.sigmoid(fa.bn4(fa.conv4(place)))
        attended = self.fa_layer.convb(inside + fa.gamma(place))
        return F.relu(self.cls_head(torch.cat([x, attended], 1)))

    def forward(self, f):
        flat = f.flatten(2)
        pooled = (torch.logsumexp(SHARPNESS * flat, 2) - np.log(flat.shape[2])) / SHARPNESS
        return self.cls_fc(pooled), self.anomaly_fc(pooled)


def image() -> torch.Tensor:
    return torch.from_numpy(fraction("input", BATCH * SIDE * SIDE).astype(np.float32).astype(np.float64)).reshape(BATCH, 1, SIDE, SIDE)


def mask() -> torch.Tensor:
    m = torch.zeros(BATCH, 1, SIDE, SIDE, dtype=torch.float64)
    m[0, :, 2:8, 3:9] = 1
    m[1, :, 5:11, 1:6] = 1
    return m


def case(model: nn.Module, total: torch.Tensor, **terms: torch.Tensor) -> dict:
    names, parameters = zip(*model.named_parameters())
    gradients = torch.autograd.grad(total, parameters, allow_unused=True)
    norms = {n: 0.0 if g is None else g.norm().item() for n, g in zip(names, gradients)}
    return {"total": total.item(), "terms": {n: t.item() for n, t in terms.items()}, "gradient_norms": norms}


def rrr(multi_label: bool) -> dict:
    model, x = seeded(Plain()), image().requires_grad_()
    logits = model(x)
    if multi_label:
        classification = F.binary_cross_entropy_with_logits(logits, ROWS)
        score = F.logsigmoid(logits).sum() + F.logsigmoid(-logits).sum()
    else:
        classification = F.cross_entropy(logits, LABELS)
        score = F.log_softmax(logits, 1).sum()
    (gradient,) = torch.autograd.grad(score, x, create_graph=True)
    reasons = (gradient.square() * (1 - mask()))[:KNOWN].sum() / KNOWN
    return case(model, classification + RRR_WEIGHT * reasons, classification=classification, reasons=reasons)


def gain(multi_label: bool) -> dict:
    model, x = seeded(Plain()), image()
    features = model.features(x)
    logits = model.head(features)
    if multi_label:
        classification = F.binary_cross_entropy_with_logits(logits, ROWS)
    else:
        classification = F.cross_entropy(logits, LABELS)
    mining, attention = 0.0, 0.0
    for sample in range(BATCH):
        labels = ROWS[sample].nonzero().flatten().tolist() if multi_label else [LABELS[sample].item()]
        for label in labels:
            (g,) = torch.autograd.grad(logits[sample, label], features, create_graph=True)
            cam = F.relu((g[sample].mean((1, 2), keepdim=True) * features[sample]).sum(0))
            cam = F.interpolate(cam[None, None], size=(SIDE, SIDE), mode="bilinear", align_corners=False)[0, 0]
            cam = (cam - cam.min()) / (cam.max() - cam.min() + 1e-8)
            removed = x[sample] * (1 - torch.sigmoid(GAIN["steepness"] * (cam - GAIN["threshold"])))
            again = model(removed[None])[0]
            p = torch.sigmoid(again[label]) if multi_label else torch.softmax(again, 0)[label]
            mining = mining + p / len(labels) / BATCH
            if sample < KNOWN:
                attention = attention + (cam - mask()[sample, 0]).square().mean() / len(labels) / KNOWN
    total = classification + GAIN["mining"] * mining + GAIN["mask"] * attention
    return case(model, total, classification=classification, mining=mining, attention=attention)


def ham(multi_label: bool, normal: int | None = None) -> dict:
    model = seeded(Attended())
    f = model.features(image())
    logits, detected = model(f)
    if multi_label:
        classification = F.binary_cross_entropy_with_logits(logits, ROWS)
        labels = ROWS
    else:
        classification = F.cross_entropy(logits, LABELS)
        labels = F.one_hot(LABELS, CLASSES).double()
        if normal is not None:
            labels[:, normal] = 0
    any_label = labels.amax(1)
    attended = lambda a, threshold: torch.sigmoid(HAM["steepness"] * (a - threshold))
    maps = F.relu(torch.einsum("nchw,kc->nkhw", f, model.cls_fc.weight.detach()))
    of_anomaly = F.relu(torch.einsum("nchw,kc->nkhw", f, model.anomaly_fc.weight.detach()))[:, 0]
    against, outside = [], []
    for k in range(CLASSES):
        squares, sizes, shares = 0.0, 0.0, []
        for n in range(BATCH):
            if labels[n, k] == 0:
                continue
            a = maps[n, k]
            covered = torch.minimum(a, of_anomaly[n]) * attended(a, HAM["activation_threshold"])
            shares.append((a.sum() - covered.sum()) / a.sum().clamp(min=1e-5))
            if n < KNOWN:
                wide = F.interpolate(a[None, None], size=(SIDE, SIDE), mode="bilinear", align_corners=False)[0, 0]
                wide = attended((wide - wide.min()) / (wide.max() - wide.min() + 1e-8), HAM["threshold"])
                squares = squares + (wide - mask()[n, 0]).square().sum()
                sizes = sizes + (wide + mask()[n, 0]).sum()
        if shares:
            outside.append(sum(shares) / len(shares))
        if not isinstance(sizes, float):
            against.append(squares / sizes)
    unexplained = []
    for n in range(BATCH):
        if any_label[n] > 0:
            best = (maps[n] * labels[n][:, None, None]).max(0).values
            a = of_anomaly[n]
            covered = torch.minimum(best, a) * attended(a, HAM["activation_threshold"])
            unexplained.append((a.sum() - covered.sum()) / a.sum().clamp(min=1e-5))
    anomaly = F.binary_cross_entropy_with_logits(detected[:, 0], any_label)
    attention, bound, union = (sum(terms) / len(terms) for terms in (against, outside, unexplained))
    total = classification + HAM["anomaly"] * anomaly + HAM["mask"] * attention + HAM["bound"] * bound + HAM["union"] * union
    return case(model, total, classification=classification, anomaly=anomaly, attention=attention, bound=bound, union=union)


def segmentation_loss(found: torch.Tensor) -> tuple:
    m = mask()[:KNOWN]
    found = found[:KNOWN]
    cross_entropy = F.binary_cross_entropy_with_logits(found, m)
    p = torch.sigmoid(found)
    dice = 1 - (2 * (p * m).sum((1, 2, 3)) + 1) / (p.sum((1, 2, 3)) + m.sum((1, 2, 3)) + 1)
    return cross_entropy, dice.mean()


def multitask() -> dict:
    model = seeded(UNet())
    logits, found = model(image())
    classification = F.cross_entropy(logits, LABELS)
    cross_entropy, dice = segmentation_loss(found)
    segmentation = cross_entropy + dice
    total = (1 - SEGMENTATION_WEIGHT) * classification + SEGMENTATION_WEIGHT * segmentation
    return case(model, total, classification=classification, segmentation=segmentation, dice_loss=dice)


def attention_gated() -> dict:
    model = seeded(Sononet())
    classification = F.cross_entropy(model(image()), LABELS)
    return case(model, classification, classification=classification)


torch.set_num_threads(1)
out = {"torch": torch.__version__, "seed": SEED, "rrr_weight": RRR_WEIGHT, "gain": GAIN, "ham": HAM, "segmentation_weight": SEGMENTATION_WEIGHT}
out["cases"] = {
    "rrr": rrr(False),
    "rrr_multi_label": rrr(True),
    "gain": gain(False),
    "gain_multi_label": gain(True),
    "ham": ham(False),
    "ham_normal": ham(False, normal=1),
    "ham_multi_label": ham(True),
    "multitask": multitask(),
    "attention_gated": attention_gated(),
}
path = pathlib.Path(__file__).with_name("method_losses.json")
path.write_text(json.dumps(out, indent=1) + "\n")

"""Writes rival_losses.json: losses of `energy`, `tap`, `pgd_ex`, `r4` and `ibp_ex` and their gradients, by JAX's automatic differentiation.

    python -m venv /tmp/jax && /tmp/jax/bin/pip install jax==0.10.2 && /tmp/jax/bin/python golden/rival_losses.py

Network, weights, images, masks and tolerances are those of method_losses.py (`plain_cnn` with its default stages, float64).
"""

import json
import pathlib
from functools import partial

import jax
import numpy as np

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp

import splitmix64

SEED, CLASSES, BATCH, SIDE, KNOWN = "methods", 3, 3, 12, 2
LABELS = np.array([2, 0, 1])
ROWS = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
ENERGY_WEIGHT, TAP_WEIGHT = 0.8, 0.01
PGD = {"weight": 0.6, "radius": 0.2, "steps": 3}
fraction = partial(splitmix64.fraction, SEED)


def parameters() -> dict:
    shapes = {}
    for index, i, o in [(0, 1, 8), (3, 8, 16), (6, 16, 24)]:
        shapes[f"{index}.weight"], shapes[f"{index}.bias"] = (o, i, 3, 3), (o,)
    shapes["10.weight"], shapes["10.bias"] = (CLASSES, 24), (CLASSES,)
    found = {}
    for name, shape in shapes.items():
        u = 2 * fraction(name, int(np.prod(shape))) - 1
        u = 0.1 * u if name.endswith("bias") else u * np.sqrt(6 / np.prod(shape[1:]))
        found[name] = jnp.asarray(u.astype(np.float32).astype(np.float64).reshape(shape))
    return found


def forward(p: dict, x):
    """Logits, and what the last ReLU of each stage gives."""
    stages = []
    for number, index in enumerate([0, 3, 6]):
        x = jax.lax.conv_general_dilated(x, p[f"{index}.weight"], (1, 1), "SAME") + p[f"{index}.bias"][:, None, None]
        x = jnp.maximum(x, 0)
        stages.append(x)
        if number < 2:
            n, c, h, w = x.shape
            x = x.reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5))
    return x.mean((2, 3)) @ p["10.weight"].T + p["10.bias"], stages


def image():
    values = fraction("input", BATCH * SIDE * SIDE).astype(np.float32).astype(np.float64)
    return jnp.asarray(values.reshape(BATCH, 1, SIDE, SIDE))


def mask():
    m = np.zeros((BATCH, 1, SIDE, SIDE))
    m[0, :, 2:8, 3:9] = 1
    m[1, :, 5:11, 1:6] = 1
    return m


def classification(logits, multi_label: bool):
    if multi_label:
        return (jax.nn.softplus(logits) - logits * ROWS).mean()
    return -jax.nn.log_softmax(logits)[np.arange(BATCH), LABELS].mean()


def energy(multi_label: bool, p: dict):
    x, m = image(), mask()
    logits, _ = forward(p, x)
    outside = 0.0
    for sample in range(KNOWN):
        labels = np.flatnonzero(ROWS[sample]) if multi_label else [LABELS[sample]]
        for label in labels:
            gradient = jax.grad(lambda x: forward(p, x)[0][sample, label])(x)[sample]
            positive = jnp.maximum((gradient * x[sample]).sum(0), 0)
            outside += (1 - (positive * m[sample, 0]).sum() / (positive.sum() + 1e-10)) / len(labels) / KNOWN
    of_class = classification(logits, multi_label)
    return of_class + ENERGY_WEIGHT * outside, {"classification": of_class, "energy": outside}


def tap(p: dict):
    logits, stages = forward(p, image())
    region, total = (1 - mask())[:, 0], 0.0
    for act in stages:
        if act.shape[-1] < region.shape[-1]:
            k = region.shape[-1] // act.shape[-1]
            padded = np.pad(region, [(0, 0), (1, 1), (1, 1)])
            shifted = [padded[:, r : r + region.shape[1], c : c + region.shape[2]] for r in range(3) for c in range(3)]
            grown = np.max(shifted, 0)
            n, h, w = grown.shape
            region = grown.reshape(n, h // k, k, w // k, k).mean((2, 4))
        total += ((region * act.sum(1)) ** 2).sum((1, 2))
    penalty = (total / len(stages))[:KNOWN].mean()
    of_class = classification(logits, False)
    return of_class + TAP_WEIGHT * penalty, {"classification": of_class, "activation": penalty}


def worst(multi_label: bool, p: dict):
    """The images with the worst background that projected gradient ascent finds; nothing is differentiated through it."""
    x, outside = image(), 1 - mask()
    outside[KNOWN:] = 0
    frozen = jax.lax.stop_gradient(p)
    delta = jnp.zeros_like(x)
    attacked = lambda delta: jnp.clip(x + delta * outside, 0, 1)
    slope = jax.grad(lambda image: classification(forward(frozen, image)[0], multi_label))
    for _ in range(PGD["steps"]):
        step = 2.5 * PGD["radius"] / PGD["steps"]
        delta = jnp.clip(delta + step * jnp.sign(slope(attacked(delta))), -PGD["radius"], PGD["radius"])
    return jax.lax.stop_gradient(attacked(delta))


def pgd_ex(multi_label: bool, p: dict):
    of_class = classification(forward(p, image())[0], multi_label)
    robust = classification(forward(p, worst(multi_label, p))[0], multi_label)
    return of_class + PGD["weight"] * robust, {"classification": of_class, "robust": robust}


def r4(multi_label: bool, p: dict):
    of_class = classification(forward(p, image())[0], multi_label)
    # The loss is a mean over the batch; each sample's own gradient is that many times larger.
    gradient = BATCH * jax.grad(lambda x: classification(forward(p, x)[0], multi_label))(worst(multi_label, p))
    slope = (jnp.abs(gradient) * (1 - mask()))[:KNOWN].sum() / KNOWN
    return of_class + PGD["weight"] * slope, {"classification": of_class, "slope": slope}


def ibp_ex(multi_label: bool, p: dict):
    x, outside = image(), 1 - mask()
    outside[KNOWN:] = 0
    lower, upper = (jnp.clip(x + sign * PGD["radius"] * outside, 0, 1) for sign in (-1, 1))

    def affine(lower, upper, weight, apply):
        middle, half = apply((lower + upper) / 2, weight), apply((upper - lower) / 2, jnp.abs(weight))
        return middle - half, middle + half

    conv = lambda x, weight: jax.lax.conv_general_dilated(x, weight, (1, 1), "SAME")
    for number, index in enumerate([0, 3, 6]):
        bias = p[f"{index}.bias"][:, None, None]
        ends = [jnp.maximum(end + bias, 0) for end in affine(lower, upper, p[f"{index}.weight"], conv)]
        if number < 2:
            n, c, h, w = ends[0].shape
            ends = [end.reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5)) for end in ends]
        lower, upper = ends
    ends = affine(lower.mean((2, 3)), upper.mean((2, 3)), p["10.weight"].T, jnp.matmul)
    lower, upper = (end + p["10.bias"] for end in ends)
    right = ROWS if multi_label else np.eye(CLASSES)[LABELS]
    of_class = classification(forward(p, x)[0], multi_label)
    certified = classification(jnp.where(right > 0, lower, upper), multi_label)
    return of_class + PGD["weight"] * certified, {"classification": of_class, "certified": certified}


def case(loss) -> dict:
    (total, terms), gradients = jax.value_and_grad(loss, has_aux=True)(parameters())
    norms = {name: float(jnp.sqrt((g**2).sum())) for name, g in gradients.items()}
    return {"total": float(total), "terms": {n: float(t) for n, t in terms.items()}, "gradient_norms": norms}


out = {"jax": jax.__version__, "seed": SEED, "energy_weight": ENERGY_WEIGHT, "tap_weight": TAP_WEIGHT, "pgd_ex": PGD}
out["cases"] = {
    "energy": case(partial(energy, False)),
    "energy_multi_label": case(partial(energy, True)),
    "tap": case(tap),
    "pgd_ex": case(partial(pgd_ex, False)),
    "pgd_ex_multi_label": case(partial(pgd_ex, True)),
    "r4": case(partial(r4, False)),
    "r4_multi_label": case(partial(r4, True)),
    "ibp_ex": case(partial(ibp_ex, False)),
    "ibp_ex_multi_label": case(partial(ibp_ex, True)),
}
path = pathlib.Path(__file__).with_name("rival_losses.json")
path.write_text(json.dumps(out, indent=1) + "\n")

"""A rival behind the line protocol of `crates/isnet-kernels/benches/harness`: `load CASE RIVAL`, `facts`, `run COUNT`.

`peers.py` starts one such process per case and rival, so that its peak memory is its own. With `--export CASE FILE` it writes
the ONNX file that the rival `onnxruntime` runs, in a process of its own too.
"""

import os
import sys
import time

THREADS = int(os.environ.get("OMP_NUM_THREADS", "2"))
CONVOLUTIONS = {  # side, inputs, outputs, kernel, stride, groups
    "3x3-64@56": (56, 64, 64, 3, 1, 1),
    "3x3-128@28": (28, 128, 128, 3, 1, 1),
    "3x3-256@14": (14, 256, 256, 3, 1, 1),
    "3x3-512@7": (7, 512, 512, 3, 1, 1),
    "1x1-256-64@56": (56, 256, 64, 1, 1, 1),
    "1x1-1024-256@14": (14, 1024, 256, 1, 1, 1),
    "7x7s2-3-64@224": (224, 3, 64, 7, 2, 1),
    "depthwise-192@28": (28, 192, 192, 3, 1, 192),
}


class Timed:
    """Work that is done the same way every time, and numbers that describe its result."""

    def __init__(self, work, facts=dict):
        self.work, self.facts = work, facts

    def run(self):
        start = time.perf_counter()
        self.work()
        return (time.perf_counter() - start) * 1e3


def convolution(kind, layer):
    import torch

    side, inputs, outputs, kernel, stride, groups = CONVOLUTIONS[layer]
    last = {"memory_format": torch.channels_last}
    x = torch.rand(8, inputs, side, side).to(**last)
    weight = torch.rand(outputs, inputs // groups, kernel, kernel).to(**last)
    padding = kernel // 2
    if kind == "forward":
        return Timed(torch.no_grad()(lambda: torch.conv2d(x, weight, None, stride, padding, 1, groups)))
    gradient = torch.rand_like(torch.conv2d(x, weight, None, stride, padding, 1, groups)).to(**last)
    wanted = [kind == "data", kind == "weight", False]
    backward = torch.ops.aten.convolution_backward

    def work():
        return backward(
            gradient, x, weight, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], groups, wanted
        )

    return Timed(work)


def step(method, architecture, samples, rival):
    import torch

    import isnet
    import models

    image, labels = models.images(samples), models.labels(samples)
    if method == "plain":
        model = models.network(architecture, models.CLASSES).train()

        def losses():
            loss = torch.nn.functional.cross_entropy(model(image), labels)
            return {"loss.total": loss, "loss.classification": loss}

    else:
        model = isnet.network(architecture, models.CLASSES)
        loss, mask = isnet.IsnetLoss(model, method), models.foreground(samples)
        losses = lambda: loss(image, mask.to(image.dtype), labels)
    if rival == "channels_last":
        model, image = model.to(memory_format=torch.channels_last), image.to(memory_format=torch.channels_last)
    if rival == "float64":
        model, image = model.double(), image.double()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4)

    def work():
        optimizer.zero_grad()
        loss = losses()["loss.total"]
        assert loss.isfinite()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    def facts():
        optimizer.zero_grad()
        found = losses()
        found["loss.total"].backward()
        norms = {f"grad.{name}": parameter.grad.norm() for name, parameter in model.named_parameters()}
        optimizer.zero_grad()
        return {name: value.item() for name, value in (found | norms).items()}

    return Timed(work, facts)


def explanation(architecture, samples, rival):
    import torch
    from zennit.attribution import Gradient
    from zennit.composites import EpsilonPlus, LayerMapComposite, layer_map_base
    from zennit.rules import Epsilon
    from zennit.torchvision import ResNetCanonizer
    from zennit.types import Convolution, Linear

    import models

    canonizers = [ResNetCanonizer()] if architecture.startswith("resnet") else []
    if rival == "epsilon_plus":
        composite = EpsilonPlus(epsilon=0.01, canonizers=canonizers)
    else:
        layers = [(Convolution, Epsilon(epsilon=0.01)), (Linear, Epsilon(epsilon=0.01))]
        composite = LayerMapComposite(layer_map=layer_map_base() + layers, canonizers=canonizers)
    model, image = models.network(architecture, models.MANY_CLASSES).eval(), models.images(samples)
    for module in model.modules():
        if isinstance(module, torch.nn.ReLU):
            module.inplace = False  # zennit needs the value before it too

    def seed(logits):
        # Epsilon divides by `logit + ε·sign`: then this seed is our gradient of 1 at the highest logit.
        stabilized = logits + 0.01 * torch.where(logits < 0, -1.0, 1.0)
        return stabilized * torch.nn.functional.one_hot(logits.argmax(1), logits.shape[1])

    attributor = Gradient(model=model, composite=composite)
    attributor.__enter__()
    work = lambda: attributor(image, seed)[1]
    return Timed(work, lambda: facts_of_rows("relevance", work()))


def inference(architecture, samples, rival):
    import torch
    from torch.fx.experimental.optimization import fuse

    import models

    model, image = models.network(architecture, models.MANY_CLASSES).eval(), models.images(samples)
    if rival == "channels_last":
        image = image.to(memory_format=torch.channels_last)
        model = fuse(model).to(memory_format=torch.channels_last)
    elif rival == "jit":
        with torch.no_grad():
            model = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, image)))
    else:
        model = fuse(model)
    work = torch.inference_mode()(lambda: model(image))
    return Timed(work, lambda: facts_of_rows("logits", work()))


def onnx_inference(case, samples):
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    file = os.path.join(os.environ["PEERS_FOLDER"], f"{case}.onnx")
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    image = np.load(os.path.join(os.environ["PEERS_FOLDER"], f"{case}.npy"))
    work = lambda: session.run(None, {"image": image})[0]
    return Timed(work, lambda: facts_of_rows("logits", work()))


def export(case, folder):
    """Writes the network and its images for `onnx_inference`."""
    import numpy as np
    import torch

    import models

    _, architecture, samples = case.split("-")
    model, image = models.network(architecture, models.MANY_CLASSES).eval(), models.images(int(samples[1:]))
    np.save(os.path.join(folder, f"{case}.npy"), image.numpy())
    file = os.path.join(folder, f"{case}.onnx")
    torch.onnx.export(model, (image,), file, input_names=["image"], dynamo=False)


def facts_of_rows(name, rows):
    """Sum and sum of squares of each sample."""
    rows = rows.reshape(len(rows), -1)
    facts = {f"{name}.sum.{index}": float(row.sum()) for index, row in enumerate(rows)}
    return facts | {f"{name}.squares.{index}": float((row * row).sum()) for index, row in enumerate(rows)}


def load(case, rival):
    if rival == "onnxruntime":
        return onnx_inference(case, int(case.rsplit("-b", 1)[1]))
    import torch

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    kind, rest = case.split("-", 1)
    if kind in ("forward", "data", "weight"):
        return convolution(kind, rest)
    rest, samples = rest.rsplit("-b", 1)
    if kind == "step":
        return step(*rest.split("-"), int(samples), rival)
    return {"explain": explanation, "infer": inference}[kind](rest, int(samples), rival)


def main():
    if sys.argv[1:2] == ["--export"]:
        return export(*sys.argv[2:])
    # What libraries print is not an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    bench = None
    for line in sys.stdin:
        request, *arguments = line.split()
        if request == "load":
            bench, answer = load(*arguments), "ok"
        elif request == "facts":
            answer = " ".join(f"{name}={value!r}" for name, value in bench.facts().items())
        else:
            answer = " ".join(str(bench.run()) for _ in range(int(arguments[0])))
        print(answer, file=answers, flush=True)


if __name__ == "__main__":
    main()

"""An ISNet training step in PyTorch, the way a user of PyTorch would write it (METHOD.md §2–§4).

The relevance pass is `autograd.grad(create_graph=True)` over a network whose ReLUs and batch norms have a second backward rule: a ReLU with
output `a` passes `G·a/(a + ε)`, a batch norm holds its statistics constant. z^B at the first convolution and the heatmap loss are
ordinary tensor operations; one `backward` differentiates all of it.
"""

import contextlib

import torch
import torchvision
from torch import nn
from torch.nn import functional

from models import fill

EPSILON, SELECTIVE_EPSILON = 0.01, 0.01
P, DECAY, SATURATION, BACKGROUND_WEIGHT, FOREGROUND_WEIGHT, C1, C2 = 0.7, 0.996, 1.0, 1.0, 3.0, 1.0, 25.0

_relevance = False


@contextlib.contextmanager
def relevance_rules():
    """Inside, backward passes carry relevance."""
    global _relevance
    _relevance = True
    try:
        yield
    finally:
        _relevance = False


class _ReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        output = torch.relu(x)
        ctx.save_for_backward(output)
        return output

    @staticmethod
    def backward(ctx, gradient):
        (output,) = ctx.saved_tensors
        if _relevance:
            return gradient * (output / (output + EPSILON))
        return torch.ops.aten.threshold_backward(gradient, output, 0)


class ReLU(nn.Module):
    def forward(self, x):
        return _ReLU.apply(x)


class _BatchNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, running_mean, running_var, momentum, epsilon):
        output, mean, deviation = torch.native_batch_norm(
            x, weight, bias, running_mean, running_var, True, momentum, epsilon
        )
        ctx.save_for_backward(x, weight, mean, deviation)
        ctx.mark_non_differentiable(mean, deviation)
        ctx.epsilon = epsilon
        return output, mean, deviation

    @staticmethod
    def backward(ctx, gradient, _mean, _deviation):
        x, weight, mean, deviation = ctx.saved_tensors
        if _relevance:
            return gradient * (weight * deviation)[:, None, None], *[None] * 6
        gradients = torch.ops.aten.native_batch_norm_backward(
            gradient, x, weight, None, None, mean, deviation, True, ctx.epsilon, [True, True, True]
        )
        return *gradients, *[None] * 4


class BatchNorm(nn.BatchNorm2d):
    """In training; remembers the mean and 1/σ of the last batch."""

    def forward(self, x):
        output, self.mean, self.deviation = _BatchNorm.apply(
            x, self.weight, self.bias, self.running_mean, self.running_var, self.momentum, self.eps
        )
        return output


class DenseNet(torchvision.models.DenseNet):
    """With its last ReLU as a module, and the papers' ReLU between conv and pool of each transition."""

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.last_relu = nn.ReLU()
        for index in (1, 2, 3):
            transition = getattr(self.features, f"transition{index}")
            transition.pool = nn.Sequential(nn.ReLU(), transition.pool)

    def forward(self, x):
        x = self.last_relu(self.features(x))
        return self.classifier(torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1))


def with_rules(module):
    """Replaces every ReLU and batch norm below `module`."""
    for name, child in module.named_children():
        if isinstance(child, nn.ReLU):
            setattr(module, name, ReLU())
        elif isinstance(child, nn.BatchNorm2d):
            setattr(module, name, BatchNorm(child.num_features, child.eps, child.momentum))
        else:
            with_rules(child)
    return module


def network(architecture, classes):
    """A seeded network that relevance can pass."""
    if architecture == "densenet121":
        model = DenseNet(growth_rate=32, block_config=(6, 12, 24, 16), num_init_features=64, num_classes=classes)
    else:
        model = getattr(torchvision.models, architecture)(weights=None, num_classes=classes)
    return fill(with_rules(model)).train()


class IsnetLoss:
    """Losses of a batch: `selector` is `selective` or `all_classes`."""

    def __init__(self, model, selector):
        modules = list(model.modules())
        first = lambda kind: next(module for module in modules if isinstance(module, kind))
        self.model, self.selector = model, selector
        self.conv, self.norm = first(nn.Conv2d), first(nn.BatchNorm2d)
        first(ReLU).register_forward_hook(self._remember)
        self.first_output = None

    def _remember(self, _module, _inputs, output):
        # ResNet-18 has one ReLU module for the stem, and others in its blocks.
        self.first_output = output

    def __call__(self, image, mask, labels):
        logits = self.model(image)
        heatmap = torch.stack([self.heatmap(image, quantity) for quantity in self.quantities(logits)], 1)
        classification = functional.cross_entropy(logits, labels)
        background, foreground = background_term(heatmap, mask), foreground_term(heatmap, mask)
        total = BACKGROUND_WEIGHT * background + FOREGROUND_WEIGHT * foreground
        return {
            "loss.total": (1 - P) * classification + P * total,
            "loss.classification": classification,
            "loss.background": background,
            "loss.foreground": foreground,
        }

    def quantities(self, logits):
        """What each map explains, summed over the batch: its samples do not see each other in the relevance pass."""
        if self.selector == "all_classes":
            return logits.sum(0).unbind()
        probability = logits.softmax(1)
        eta = torch.log(probability + SELECTIVE_EPSILON) - torch.log(1 - probability + SELECTIVE_EPSILON)
        return [eta.gather(1, logits.argmin(1, keepdim=True)).sum()]

    def heatmap(self, image, quantity):
        """Relevance at the first ReLU, then z^B for pixels in [0, 1] through convolution and batch norm as one layer."""
        with relevance_rules():
            (gradient,) = torch.autograd.grad(quantity, self.first_output, create_graph=True)
        relevance = self.first_output * gradient
        conv, norm = self.conv, self.norm
        scale = norm.weight * norm.deviation
        weight = conv.weight * scale[:, None, None, None]
        bias = norm.bias.detach() - norm.mean * scale
        negative = weight.clamp(max=0)
        walk = {"stride": conv.stride, "padding": conv.padding}
        lowest = functional.conv2d(torch.ones_like(image[:1]), negative, bias.clamp(max=0), **walk)
        z = functional.conv2d(image, weight, bias, **walk) - lowest
        share = relevance / (z + torch.where(z < 0, -EPSILON, EPSILON))
        walk["output_padding"] = (image.shape[2] + 2 * conv.padding[0] - conv.kernel_size[0]) % conv.stride[0]
        upwards = functional.conv_transpose2d(share, weight, **walk)
        return image * upwards - functional.conv_transpose2d(share, negative, **walk)


def background_term(heatmap, mask):
    """L1 of a batch; `heatmap` [N, E, C, H, W], `mask` [N, 1, H, W]."""
    size, mask = heatmap.abs(), mask[:, None]
    mean = (size * mask).sum((2, 3, 4), keepdim=True) / (mask.sum((2, 3, 4), keepdim=True) * heatmap.shape[2])
    outside = size / (mean + 1e-10) * (1 - mask)
    ranked = outside.flatten(3).sort(-1, descending=True).values
    weights = torch.pow(torch.tensor(DECAY, dtype=torch.float64), torch.arange(ranked.shape[-1]))
    pooled = (ranked * (weights / weights.sum()).to(ranked.dtype)).sum(-1)
    saturated = (pooled / (pooled + SATURATION)).clamp(max=1 - 1e-7)
    return -torch.log(1 - saturated).mean()


def foreground_term(heatmap, mask):
    """L2 of a batch, in the form `l2`."""
    inside = (heatmap.abs() * mask[:, None]).sum((2, 3, 4))
    below = ((inside / C1).clamp(max=1) - 1) ** 2
    above = ((inside / C1).clamp(min=C2 / C1) - C2 / C1) ** 2
    return (below + above).mean()

"""Writes attn_lrp.json: AttnLRP (Achtibat et al. 2024) of a tiny vision transformer by LXT, the authors' library.

    /tmp/tv/bin/pip install --no-deps lxt==2.1        (torchvision_names.py says how to get /tmp/tv)
    OMP_NUM_THREADS=1 /tmp/tv/bin/python golden/attn_lrp.py

The model is torchvision's class; its forward pass is written once more with LXT's functions, which propagate relevance when they are differentiated, and
checked against torchvision's. Patches are cut out and go through a dense layer, which is what `conv_proj` does. In f64 with LXT's stabilizers at
1e-12, so that their form (LXT adds ε, whatever the sign) does not matter. Weights and images are seeded as in torchvision_logits.py.
"""

import json
import pathlib
from importlib.metadata import version

import torch
import torchvision
from lxt.explicit import functional as lrp
from lxt.explicit.rules import identity
from torchvision_logits import CLASSES, fraction, seeded

EPSILON = 1e-12
SIZES = {"image_size": 8, "patch_size": 4, "num_layers": 2, "num_heads": 2, "hidden_dim": 6, "mlp_dim": 8}


def linear(x, layer):
    weight = layer.weight.reshape(layer.weight.shape[0], -1)
    return lrp.linear_epsilon(x, weight, layer.bias, EPSILON)


def norm(x, layer):
    return lrp.layer_norm_grad_fn.apply(x, layer.weight, layer.bias, layer.eps, EPSILON)


def attention(x, layer):
    samples, tokens, width = x.shape
    heads, size = layer.num_heads, width // layer.num_heads
    joined = lrp.linear_epsilon(x, layer.in_proj_weight, layer.in_proj_bias, EPSILON)
    q, k, v = (part.reshape(samples, tokens, heads, size).transpose(1, 2) for part in joined.split(width, -1))
    scores = lrp.matmul(lrp.mul2(q, size**-0.5), k.transpose(2, 3), False, EPSILON)
    sums = lrp.matmul(lrp.softmax(scores, -1), v, False, EPSILON)
    return linear(sums.transpose(1, 2).reshape(samples, tokens, width), layer.out_proj)


def forward(model, image):
    samples, channels, side = image.shape[:3]
    patch, grid = SIZES["patch_size"], side // SIZES["patch_size"]
    patches = image.reshape(samples, channels, grid, patch, grid, patch).permute(0, 2, 4, 1, 3, 5)
    x = linear(patches.reshape(samples, grid * grid, -1), model.conv_proj)
    x = torch.cat([model.class_token.expand(samples, -1, -1), x], 1)
    x = lrp.add2(x, model.encoder.pos_embedding, False, EPSILON)
    for block in model.encoder.layers:
        x = lrp.add2(attention(norm(x, block.ln_1), block.self_attention), x, False, EPSILON)
        wide = identity(torch.nn.functional.gelu, linear(norm(x, block.ln_2), block.mlp[0]))
        x = lrp.add2(linear(wide, block.mlp[3]), x, False, EPSILON)
    return linear(norm(x, model.encoder.ln)[:, 0], model.heads.head)


model = torchvision.models.VisionTransformer(**SIZES, num_classes=CLASSES).eval()
norms = {key for key, module in model.named_modules() if isinstance(module, torch.nn.LayerNorm)}
state = {key: seeded(key, value.shape, key.rsplit(".", 1)[0] in norms) for key, value in model.state_dict().items()}
model.load_state_dict(state, strict=True)
model = model.double().requires_grad_(False)
shape = (2, 3, SIZES["image_size"], SIZES["image_size"])
image = torch.from_numpy(fraction("input", 2 * 3 * SIZES["image_size"] ** 2).astype("float32").reshape(shape)).double()

image.requires_grad_(True)
logits = forward(model, image)
assert torch.allclose(logits, model(image), atol=1e-10), "the forward pass is not torchvision's"
# Relevance starts as the logit of the explained class; LXT's gradients are relevance.
maps = []
for explained in range(CLASSES):
    start = torch.zeros_like(logits)
    start[:, explained] = logits[:, explained].detach()
    # A layer norm of LXT can be differentiated once.
    maps.append(torch.autograd.grad(forward(model, image), image, start)[0])
heatmap = torch.stack(maps, 1)  # [N, E, C, H, W]

out = {"lxt": version("lxt"), "torchvision": torchvision.__version__, "seed": "golden", "sizes": SIZES}
out |= {"logits": logits.tolist(), "heatmap": heatmap.flatten().tolist()}
pathlib.Path(__file__).with_name("attn_lrp.json").write_text(json.dumps(out) + "\n")

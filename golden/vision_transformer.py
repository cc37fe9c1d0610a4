"""Writes vision_transformer.json and crates/isnet-models/tests/fixtures/timm_vit.pth.

    /tmp/tv/bin/pip install timm==1.0.31        (torchvision_names.py says how to get /tmp/tv)
    OMP_NUM_THREADS=1 /tmp/tv/bin/python golden/vision_transformer.py

Positions of a 3 x 3 grid with a class token, resampled to 2 x 4 as torchvision's `interpolate_embeddings` does (bicubic, corner on corner); and a tiny
vision transformer of timm on the seeded images of torchvision_logits.py, with its weights as `torch.save` writes them.
"""

import json
import pathlib

import timm
import torch
from timm.models.vision_transformer import VisionTransformer
from torchvision_logits import fraction

torch.manual_seed(0)
here = pathlib.Path(__file__).parent

positions = torch.randn(1, 10, 6)
grid = positions[:, 1:].permute(0, 2, 1).reshape(1, 6, 3, 3)
grid = torch.nn.functional.interpolate(grid, (2, 4), mode="bicubic", align_corners=True)
resampled = torch.cat([positions[:, :1], grid.reshape(1, 6, 8).permute(0, 2, 1)], 1)

model = VisionTransformer(
    img_size=(8, 12), patch_size=4, in_chans=2, num_classes=3, embed_dim=6, depth=2, num_heads=2, mlp_ratio=8 / 6
).eval()
state = {key: torch.randn_like(value) * 0.5 for key, value in model.state_dict().items()}
model.load_state_dict(state, strict=True)
torch.save(state, here.parent / "crates/isnet-models/tests/fixtures/timm_vit.pth")
image = torch.from_numpy(fraction("input", 2 * 2 * 8 * 12).astype("float32").reshape(2, 2, 8, 12))
with torch.no_grad():
    logits = model(image)

out = {"torch": torch.__version__, "timm": timm.__version__, "positions_3x3": positions.flatten().tolist()}
out |= {"positions_2x4": resampled.flatten().tolist(), "timm_logits": logits.tolist()}
(here / "vision_transformer.json").write_text(json.dumps(out, indent=1) + "\n")

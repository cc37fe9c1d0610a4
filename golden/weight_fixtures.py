"""Writes the tiny weight files of `crates/isnet-models/tests/fixtures`: a dense layer and a batch norm, saved by PyTorch.

    /tmp/tv/bin/python golden/weight_fixtures.py        (torchvision_names.py says how to get it)
"""

import pathlib

import torch

folder = pathlib.Path(__file__).parent.parent / "crates/isnet-models/tests/fixtures"
state = {
    "fc.weight": torch.tensor([[0.5, -1.5, 2.0], [0.25, 3.0, -0.125]]),
    "fc.bias": torch.tensor([0.75, -0.0625], dtype=torch.float64),
    "bn.running_var": torch.tensor([1.0, 2.0], dtype=torch.float16),
    "bn.num_batches_tracked": torch.tensor(7),
    # A view: column-major in the file, row-major when read.
    "view.weight": torch.arange(6.0).reshape(2, 3).t(),
}
torch.save(state, folder / "zip.pth")
torch.save({"epoch": 3, "state_dict": {f"module.{k}": v for k, v in state.items()}}, folder / "checkpoint.pt")
torch.save(state, folder / "legacy.pth", _use_new_zipfile_serialization=False)

"""Writes known.safetensors with the safetensors package, the foreign writer of tests/data/safetensors_test.cpp.

    python3 tests/data/files/make.py
"""
import pathlib

import torch
from safetensors.torch import save_file

save_file(
    {
        "weights": torch.tensor([[1.5, -2.0, 0.25], [3.0, -0.0, 1e-40]], dtype=torch.float32),
        "bias": torch.tensor([1 / 3, -1e300], dtype=torch.float64),
        "indices": torch.tensor([-2147483648, 0, 2147483647], dtype=torch.int32),
        "wide": torch.tensor([-2147483648, 7], dtype=torch.int64),
        "half": torch.tensor([1.5, -65504.0, 2.0**-24, float("inf")], dtype=torch.float16),
        "brain": torch.tensor([1.5, -3e38, 2.0**-133], dtype=torch.bfloat16),
        "scalar": torch.tensor(2.5, dtype=torch.float32),
        "nothing": torch.zeros(0, 4, dtype=torch.float32),
        'na"me/é': torch.tensor([1.0], dtype=torch.float32),
    },
    pathlib.Path(__file__).with_name("known.safetensors"),
    metadata={"format": "pt ✓"},
)

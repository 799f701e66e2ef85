"""Makes the goldens: what PyTorch gives, in float64, for every operation, for modules and for a short training.

After adding or changing an operation's examples, build and run from the root of the source:

    python3 tests/goldens/make.py build/release/bin/dump_examples

Needs the packages torch and safetensors. Only what changed in the examples changes in the files.
"""
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save as serialize

HERE = pathlib.Path(__file__).parent


def save(tensors, name, metadata):
    tensors = {key: tensor.detach().contiguous().clone() for key, tensor in tensors.items()}
    data = serialize(tensors, metadata={"torch": torch.__version__, **metadata})
    # The package writes metadata in an order of its own each time; sorted, equal goldens are equal files.
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    (HERE / name).write_bytes(len(text).to_bytes(8, "little") + text + data[end:])
    print(f"{name}: {len(tensors)} tensors, {(HERE / name).stat().st_size:,} bytes")


def make_ops(dump_examples):
    """ops.safetensors: inputs a, b, ... and w of each example, the output y, the gradients da, db, ... of <w, y>."""
    with tempfile.NamedTemporaryFile(suffix=".safetensors") as dump:
        subprocess.run([dump_examples, dump.name], check=True)
        with safe_open(dump.name, "pt") as file:
            expressions = dict(sorted((file.metadata() or {}).items()))
            given = {key: file.get_tensor(key) for key in sorted(file.keys())}
    tensors = dict(given)
    for case, expression in expressions.items():
        inputs = {
            key.rsplit("/", 1)[1]: value.clone().requires_grad_() if value.is_floating_point() else value.long()
            for key, value in given.items()
            if key.rsplit("/", 1)[0] == case
        }
        w = inputs.pop("w", None)
        try:
            y = eval(expression, {"torch": torch, "F": F, "math": math, **inputs})
            if w is not None:
                y.backward(w.detach())
        except Exception as problem:
            sys.exit(f"{case}: {expression}\n  {type(problem).__name__}: {problem}")
        tensors[f"{case}/y"] = y if y.is_floating_point() else y.int()
        for name, x in inputs.items():
            if w is not None and x.requires_grad:
                tensors[f"{case}/d{name}"] = torch.zeros_like(x) if x.grad is None else x.grad
    save(tensors, "ops.safetensors", expressions)


def make_adamw():
    """adamw.safetensors: 100 steps of AdamW on a two-layer perceptron, full batch, mean squared error."""
    torch.manual_seed(7)
    steps, settings = 100, dict(lr=1e-2, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.1)
    x = torch.randn(16, 5, dtype=torch.float64)
    target = torch.sin(x.sum(1, keepdim=True)) * torch.tensor([[1.0, -0.5, 0.25]], dtype=torch.float64)
    shapes = {"w1": (11, 5), "b1": (11,), "w2": (3, 11), "b2": (3,)}
    weights = {name: torch.randn(shape, dtype=torch.float64) / 2 for name, shape in shapes.items()}
    tensors = {"x": x, "target": target, **{f"initial/{name}": w.clone() for name, w in weights.items()}}
    for w in weights.values():
        w.requires_grad_()
    optimizer = torch.optim.AdamW(weights.values(), **settings)
    losses = []
    for _ in range(steps):
        hidden = torch.tanh(F.linear(x, weights["w1"], weights["b1"]))
        loss = F.mse_loss(F.linear(hidden, weights["w2"], weights["b2"]), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    tensors |= {f"final/{name}": w for name, w in weights.items()}
    tensors["losses"] = torch.tensor(losses, dtype=torch.float64)
    save(tensors, "adamw.safetensors", {key: str(value) for key, value in settings.items()})


def optimizers():
    """name: the rules of PyTorch, one for parameters with and one for those without weight decay, and their settings."""
    # The iteration of torch.optim.Muon runs in bfloat16; ours in the parameters' dtype, so this copy does too.
    torch.Tensor.bfloat16 = torch.Tensor.clone
    sgd, adam, adamw, muon = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.Muon
    return {
        "sgd": (sgd, dict(lr=0.05)),
        "sgd momentum": (sgd, dict(lr=0.01, momentum=0.9, weight_decay=0.1)),
        "sgd nesterov": (sgd, dict(lr=0.01, momentum=0.8, weight_decay=0.1, nesterov=True)),
        "adam": (adam, dict(lr=0.02, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1)),
        "adamw": (adamw, dict(lr=0.02, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.1)),
        "muon": (muon, dict(lr=0.02, momentum=0.9, weight_decay=0.1)),
        "muon plain": (muon, dict(lr=0.02, momentum=0.9, weight_decay=0.1, nesterov=False, ns_steps=4)),
    }


def make_optimizers():
    """optimizers.safetensors: 100 steps of each rule with the gradient p^3 / 4 - sin(t + i / 2) at entry i, step t."""
    shapes = {"wide": (5, 7), "tall": (7, 3), "bias": (5,)}
    torch.manual_seed(11)
    start = {name: torch.randn(shape, dtype=torch.float64) for name, shape in shapes.items()}
    tensors = {f"start/{name}": p for name, p in start.items()}
    for case, (rule, settings) in optimizers().items():
        weights = {name: p.clone().requires_grad_() for name, p in start.items()}
        matrices, bias = [weights["wide"], weights["tall"]], [weights["bias"]]
        plain = {**settings, "weight_decay": 0.0}
        if rule is torch.optim.Muon:
            rest = torch.optim.AdamW(bias, lr=settings["lr"] / 10, betas=(0.9, 0.95), weight_decay=0.0)
        else:
            rest = rule(bias, **plain)
        parts = [rule(matrices, **settings), rest]
        for t in range(1, 101):
            for p in weights.values():
                i = torch.arange(p.numel(), dtype=torch.float64).reshape(p.shape)
                p.grad = p.detach() ** 3 / 4 - torch.sin(t + i / 2)
            for part in parts:
                part.step()
            if t in (1, 10, 100):
                tensors |= {f"{case}/{t}/{name}": p.detach().clone() for name, p in weights.items()}
    save(tensors, "optimizers.safetensors", {case: str(settings) for case, (_, settings) in optimizers().items()})


class MeanMixer(torch.nn.Module):
    """The token mixer of tests/support/modules.h: means over the tokens so far."""

    def __init__(self, d):
        super().__init__()
        self.value, self.output = torch.nn.Linear(d, d), torch.nn.Linear(d, d)

    def forward(self, x):
        counts = torch.arange(1, x.shape[1] + 1, dtype=x.dtype)[:, None]
        return self.output(self.value(x).cumsum(1) / counts)


class MLP(torch.nn.Module):
    PLAIN = {
        "gelu": F.gelu,
        "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
        "relu": F.relu,
        "relu2": lambda x: F.relu(x) ** 2,
        "silu": F.silu,
    }
    GATED = {"glu": torch.sigmoid, "swiglu": F.silu, "geglu": F.gelu}
    MEMORY = ("memory", "memory_norm")

    def __init__(self, d, hidden, kind):
        super().__init__()
        self.kind = kind
        bias = kind not in self.MEMORY
        self.up, self.down = torch.nn.Linear(d, hidden, bias), torch.nn.Linear(hidden, d, bias)
        if kind == "memory_norm":
            self.norm = torch.nn.LayerNorm(d)
        if kind in self.GATED:
            self.gate = torch.nn.Linear(d, hidden)

    def forward(self, x):
        if self.kind in self.GATED:
            return self.down(self.GATED[self.kind](self.gate(x)) * self.up(x))
        if self.kind in self.MEMORY:
            y = self.down(self.up(x).softmax(-1))
            return self.norm(y) if self.kind == "memory_norm" else y
        return self.down(self.PLAIN[self.kind](self.up(x)))


class Block(torch.nn.Module):
    def __init__(self, d, hidden, kind, norm, pre_norm):
        super().__init__()
        self.pre_norm = pre_norm
        self.norm1, self.norm2 = norm(d, eps=1e-5), norm(d, eps=1e-5)
        self.attention, self.mlp = MeanMixer(d), MLP(d, hidden, kind)

    def forward(self, x):
        if self.pre_norm:
            x = x + self.attention(self.norm1(x))
            return x + self.mlp(self.norm2(x))
        x = self.norm1(x + self.attention(x))
        return self.norm2(x + self.mlp(x))


def make_layers():
    """layers.safetensors: parameters by name, input x, output y, w, and the gradients d/... of <w, y>."""
    torch.manual_seed(11)
    gru = torch.nn.GRU(5, 5, batch_first=True)
    patches = torch.nn.Conv2d(2, 3, 2, stride=2)
    cases = {
        "gru": (gru, (2, 4, 5), lambda x: gru(x)[0]),
        "patches": (patches, (2, 2, 4, 6), lambda x: patches(x).flatten(2).mT),
    }
    for kind in [*MLP.PLAIN, *MLP.GATED]:
        cases[f"mlp/{kind}"] = (MLP(3, 5, kind), (2, 4, 3), None)
    cases["block/pre"] = (Block(4, 6, "gelu", torch.nn.LayerNorm, True), (2, 5, 4), None)
    cases["block/post"] = (Block(4, 6, "swiglu", torch.nn.RMSNorm, False), (2, 5, 4), None)
    for kind in MLP.MEMORY:
        cases[f"mlp/{kind}"] = (MLP(3, 5, kind), (2, 4, 3), None)
    tensors = {}
    for name, (module, shape, call) in cases.items():
        module.double()
        for parameter in module.parameters():
            parameter.data = torch.randn_like(parameter) / 2
        x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
        y = (call or module)(x)
        w = torch.randn_like(y)
        y.backward(w)
        tensors |= {f"{name}/x": x, f"{name}/y": y, f"{name}/w": w, f"{name}/d/x": x.grad}
        for key, parameter in module.named_parameters():
            tensors |= {f"{name}/{key}": parameter, f"{name}/d/{key}": parameter.grad}
    save(tensors, "layers.safetensors", {})


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    make_ops(sys.argv[1])
    make_adamw()
    make_optimizers()
    make_layers()

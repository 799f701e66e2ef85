"""The rows of `bench steps` in PyTorch: steps_peer.py ROW eager|compile THREADS.

Speaks the lines of contenders.h. The models are those of step_rows.cpp, written as a user would: packed projections,
scaled_dot_product_attention, fused AdamW. Causal linear attention goes by chunks, as fast code in PyTorch does.
"""

import json
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

IMAGE, PATCH, BATCHES, CHUNK = 28, 4, 4, 128

#   name: decoder, layers, width, heads, vocabulary, classes, batch, length, attention, pooling, dtype
ROWS = {
    "grok": (False, 1, 128, 4, 114, 113, 3830, 3, "softmax", "last", torch.float32),
    "tiny": (True, 2, 64, 4, 256, 256, 8, 64, "softmax", "", torch.float32),
    "char": (True, 4, 128, 4, 65, 65, 16, 256, "softmax", "", torch.float32),
    "small": (True, 6, 384, 6, 65, 65, 8, 256, "softmax", "", torch.float32),
    "vit": (False, 6, 128, 4, 0, 10, 64, 49, "softmax", "mean", torch.float32),
    "long": (True, 2, 128, 4, 256, 256, 1, 4096, "softmax", "", torch.float32),
    "linear": (True, 2, 128, 4, 256, 256, 1, 16384, "linear", "", torch.float32),
    "vocabulary": (True, 2, 128, 4, 32000, 32000, 8, 128, "softmax", "", torch.float32),
    "double": (True, 4, 128, 4, 65, 65, 16, 256, "softmax", "", torch.float64),
}


def linear_attention(q, k, v, eps=1e-6):
    """Causal, features elu + 1; q, k, v [B, H, N, D], N a multiple of CHUNK."""
    b, h, n, d = q.shape
    f, g, v = ((F.elu(q) + 1), (F.elu(k) + 1), v)
    f, g, v = (x.reshape(b, h, n // CHUNK, CHUNK, d) for x in (f, g, v))
    kv = g.mT @ v
    before = kv.cumsum(2) - kv
    z = g.sum(3)
    z_before = z.cumsum(2) - z
    a = (f @ g.mT).tril()
    o = a @ v + f @ before
    norm = a.sum(-1) + (f @ z_before.unsqueeze(-1)).squeeze(-1) + eps
    return (o / norm.unsqueeze(-1)).reshape(b, h, n, d)


class Block(nn.Module):
    def __init__(self, width, heads, causal, attention):
        super().__init__()
        self.heads, self.causal, self.linear = heads, causal, attention == "linear"
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        b, n, w = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(b, n, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
        if self.linear:
            o = linear_attention(q, k, v)
        else:
            o = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        x = x + self.out(o.transpose(1, 2).reshape(b, n, w))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Transformer(nn.Module):
    def __init__(self, decoder, layers, width, heads, vocabulary, classes, length, attention, pooling):
        super().__init__()
        self.pooling = pooling
        self.embed = nn.Embedding(vocabulary, width) if vocabulary else nn.Linear(PATCH * PATCH, width)
        self.patches = not vocabulary
        self.positions = nn.Parameter(0.02 * torch.randn(length, width))
        self.blocks = nn.ModuleList(Block(width, heads, decoder, attention) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, x, targets):
        if self.patches:
            b, side = x.shape[0], IMAGE // PATCH
            x = x.reshape(b, side, PATCH, side, PATCH).permute(0, 1, 3, 2, 4).reshape(b, side * side, PATCH * PATCH)
        x = self.embed(x) + self.positions
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        if self.pooling == "mean":
            x = x.mean(1)
        elif self.pooling == "last":
            x = x[:, -1]
        logits = self.head(x)
        return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))


def main():
    name, mode, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    decoder, layers, width, heads, vocabulary, classes, batch, length, attention, pooling, dtype = ROWS[name]
    torch.set_default_dtype(dtype)
    model = Transformer(decoder, layers, width, heads, vocabulary, classes, length, attention, pooling)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    batches = 1 if name == "grok" else BATCHES
    if vocabulary:
        inputs = torch.randint(vocabulary, (batches, batch, length))
    else:
        inputs = torch.randn(batches, batch, IMAGE, IMAGE)
    targets = torch.randint(classes, (batches, batch, length) if decoder else (batches, batch))
    run = torch.compile(model) if mode == "compile" else model
    done = 0

    def step():
        nonlocal done
        loss = run(inputs[done % batches], targets[done % batches])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        done += 1
        return loss.item()  # as a training loop that shows its loss

    step()
    print(json.dumps({"tokens": batch * length}), flush=True)
    for line in sys.stdin:
        budget, ms, cpu = float(line.split()[1]), [], time.process_time()
        while len(ms) < 3 or sum(ms) < 1000 * budget:
            start = time.perf_counter()
            step()
            ms.append(1000 * (time.perf_counter() - start))
        print(json.dumps({"ms": ms, "cpu": time.process_time() - cpu}), flush=True)


if __name__ == "__main__":
    main()

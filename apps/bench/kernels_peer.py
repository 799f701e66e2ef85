"""PyTorch's kernels for `bench kernels`, on one thread.

Says {} when it is ready; answers "SECONDS KERNEL EXTENT..." with the processor seconds of a call. A last word "both" asks
for the backward pass too.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(1)


def play(inputs, call, both):
    """A call of `call` on leaves, alone or with gradients for all of them."""
    if not both:

        def forward():
            with torch.no_grad():
                call(*inputs)

        return forward
    leaves = [x.requires_grad_() for x in inputs]
    with torch.no_grad():
        dy = torch.randn_like(call(*leaves))

    def forward_and_backward():
        for x in leaves:
            x.grad = None
        call(*leaves).backward(dy)

    return forward_and_backward


def adamw(size):
    parameter = torch.randn(size, requires_grad=True)
    parameter.grad = torch.randn(size)
    return torch.optim.AdamW([parameter], lr=1e-6, fused=True).step


def embedding(tokens, vocabulary, width):
    at = torch.randint(vocabulary, (tokens,))
    return play([torch.randn(vocabulary, width)], lambda table: F.embedding(at, table), True)


def cross_entropy(rows, classes):
    targets = torch.randint(classes, (rows,))
    return play([torch.randn(rows, classes)], lambda x: F.cross_entropy(x, targets), True)


def linear_cross_entropy(rows, width, classes):
    targets = torch.randint(classes, (rows,))
    inputs = [torch.randn(rows, width), 0.05 * torch.randn(classes, width)]
    return play(inputs, lambda x, w: F.cross_entropy(F.linear(x, w), targets), True)


def product(rows, inner, out):
    return play([torch.randn(rows, inner), torch.randn(out, inner)], lambda x, w: x @ w.T, False)


def product_t(rows, inner, out):
    return play([torch.randn(rows, inner), torch.randn(rows, out)], lambda x, dy: dy.T @ x, False)


def linear_gelu(rows, inner, out, both=False):
    inputs = [torch.randn(rows, inner), 0.05 * torch.randn(out, inner), torch.randn(out)]
    return play(inputs, lambda x, w, b: F.gelu(F.linear(x, w, b)), both)


def softmax(rows, cols, both=False):
    return play([torch.randn(rows, cols)], lambda x: torch.softmax(x, -1), both)


def softmax_row(n, dtype="float32"):
    x = torch.empty(n, dtype=getattr(torch, dtype)).uniform_(-10, 10)
    y = torch.empty_like(x)
    return lambda: torch.softmax(x, -1, out=y)


def softmax_top(rows, cols, k):
    return play([torch.randn(rows, cols)], lambda x: torch.topk(torch.softmax(x, -1), k).values, False)


def layer_norm(rows, cols, both=False):
    inputs = [torch.randn(rows, cols), torch.randn(cols), torch.randn(cols)]
    return play(inputs, lambda x, g, b: F.layer_norm(x, (cols,), g, b), both)


def dropout(size, both=False):
    return play([torch.randn(size)], lambda x: F.dropout(x, 0.1), both)


def seconds(call, budget):
    call()
    count, batch, start = 0, 2, time.process_time()
    while True:
        for _ in range(batch):
            call()
        count += batch
        spent = time.process_time() - start
        if spent >= budget:
            return spent / count
        if 3 * spent < budget:
            batch *= 2


print("{}", flush=True)
current, call = None, None
for line in sys.stdin:
    budget, name, *words = line.split()
    if [name, *words] != current:
        call = None  # its memory goes first
        current = [name, *words]
        call = globals()[name](*(int(word) if word.isdigit() else word for word in words))
    print(json.dumps(seconds(call, float(budget))), flush=True)

"""PyTorch's attention for `bench streaming`: streaming_peer.py BATCH HEADS TOKENS WIDTH causal|full, on one thread.

Says {} when it is ready; answers "run SECONDS" with the processor seconds of a call, without and with the backward pass.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
batch, heads, tokens, width = (int(word) for word in sys.argv[1:5])
causal = sys.argv[5] == "causal"
# As a projection leaves them: queries, keys and values of a token side by side.
qkv = torch.randn(batch, tokens, 3, heads, width, requires_grad=True)
dy = torch.randn(batch, heads, tokens, width)


def attend():
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    return F.scaled_dot_product_attention(q, k, v, is_causal=causal)


def forward():
    with torch.no_grad():
        attend()


def both():
    qkv.grad = None
    attend().backward(dy)


def seconds(call, budget):
    call()
    count, start = 0, time.process_time()
    while count < 2 or time.process_time() - start < budget:
        call()
        count += 1
    return (time.process_time() - start) / count


print("{}", flush=True)
for line in sys.stdin:
    budget = float(line.split()[1])
    print(json.dumps({"forward": seconds(forward, budget), "both": seconds(both, budget)}), flush=True)

"""The rows of `bench decoding` in PyTorch: decoding_peer.py ROW eager|compile THREADS BATCH.

Speaks the lines of contenders.h; a round writes BATCH texts from one prompt, always the likeliest token. Keys and values
lie in a cache that is written in place. Eager attends to what is filled; compiled code keeps one shape and masks the rest.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F

sys.dont_write_bytecode = True  # beside the sources
from steps_peer import ROWS, Transformer  # noqa: E402

PROMPT = 32


def attend(block, x, keys, values, place, mask, filled):
    """One block on tokens x [B, n, w] at `place`; keys, values [B, H, N, D]."""
    b, n, w = x.shape
    q, k, v = block.qkv(block.norm1(x)).reshape(b, n, 3, block.heads, w // block.heads).permute(2, 0, 3, 1, 4)
    keys.index_copy_(2, place, k)
    values.index_copy_(2, place, v)
    if filled is not None:
        keys, values = keys[:, :, :filled], values[:, :, :filled]
    o = F.scaled_dot_product_attention(q, keys, values, attn_mask=mask, is_causal=mask is None and n > 1)
    x = x + block.out(o.transpose(1, 2).reshape(b, n, w))
    return x + block.down(F.gelu(block.up(block.norm2(x))))


def step(model, tokens, cache, place, mask, filled):
    """The likeliest next tokens [B, 1]."""
    x = model.embed(tokens) + model.positions[place]
    for block, (keys, values) in zip(model.blocks, cache):
        x = attend(block, x, keys, values, place, mask, filled)
    return model.head(model.norm(x[:, -1:])).argmax(-1)


def main():
    name, mode, threads, batch = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    decoder, layers, width, heads, vocabulary, classes, _, length, attention, pooling, _ = ROWS[name]
    model = Transformer(decoder, layers, width, heads, vocabulary, classes, length, attention, pooling).eval()
    compiled = mode == "compile"
    run = torch.compile(step) if compiled else step
    prompt = (7 * torch.arange(PROMPT) % vocabulary)[None]
    places = torch.arange(length)
    room = [(torch.zeros(batch, heads, length, width // heads), torch.zeros(batch, heads, length, width // heads))
            for _ in range(layers)]

    @torch.inference_mode()
    def write():
        first = [(torch.zeros(1, heads, length, width // heads), torch.zeros(1, heads, length, width // heads))
                 for _ in range(layers)]
        tokens = step(model, prompt, first, places[:PROMPT], None, PROMPT).expand(batch, 1)
        for (keys, values), (k, v) in zip(room, first):
            keys.copy_(k.expand_as(keys))
            values.copy_(v.expand_as(values))
        texts = [tokens]
        for i in range(PROMPT, length - 1):
            mask = (places <= i)[None] if compiled else None
            tokens = run(model, tokens, room, places[i : i + 1], mask, None if compiled else i + 1)
            texts.append(tokens)
        return torch.cat(texts, 1).tolist()

    write()
    print(json.dumps({"tokens": batch * (length - PROMPT)}), flush=True)
    for line in sys.stdin:
        budget, ms, cpu = float(line.split()[1]), [], time.process_time()
        while not ms or sum(ms) < 1000 * budget:
            start = time.perf_counter()
            write()
            ms.append(1000 * (time.perf_counter() - start))
        print(json.dumps({"ms": ms, "cpu": time.process_time() - cpu}), flush=True)


main()

#!/usr/bin/env python3
"""Makes tokenizer.json and expected.json with Hugging Face's tokenizers (0.23): pip install tokenizers."""
import json
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

here = Path(__file__).parent
text = (here / "sample.txt").read_bytes().decode()

tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
trainer = trainers.BpeTrainer(vocab_size=400, min_frequency=2, special_tokens=["<|endoftext|>"],
                              initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
tokenizer.train_from_iterator([text], trainer)
tokenizer.save(str(here / "tokenizer.json"))

texts = [
    "", " ", "a", "In the beginning", "  two  spaces ", "tab\there", "line\n\nbreaks\r\n  \n x", "I'm he's we'll they'd can't you're I've",
    "it's'S 'twas ''s", "abc123 456def 7.5e-3", "!?... (a) [b]{c}", "naïve café Ελληνικά русский 中文 日本語 한국어 ไทย हिन्दी",
    "½ ² Ⅷ ٣ ৩", "emoji 😀👍🏽 mixed", "\u00a0nbsp\u2003em\u3000wide \u00a0 x", "end with space ", "\x00\x01\x7f", "é combining e\u0301",
    "<|endoftext|>", "a<|endoftext|>b <|endoftext|><|endoftext|> c", "<|endoftext", "a" * 70, " " * 9 + "x" + "\n" * 5,
    text,
]
words = pre_tokenizers.ByteLevel(add_prefix_space=False)
expected = []
for t in texts:
    cut = [t[a:b] for _, (a, b) in words.pre_tokenize_str(t)]
    expected.append({"text": t, "words": cut, "tokens": tokenizer.encode(t).ids})
prefix = Tokenizer.from_str(tokenizer.to_str())
prefix.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
json.dump({"plain": expected, "space_before": [{"text": t, "tokens": prefix.encode(t).ids} for t in texts]},
          open(here / "expected.json", "w"), ensure_ascii=True, indent=0)

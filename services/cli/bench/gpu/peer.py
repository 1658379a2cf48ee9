#!/usr/bin/env python3
"""The peer of `npm run bench -- gpu`: the same training of a random BERT with sentence-transformers' TSDAE loss (tied
decoder), PEFT's LoRA and bitsandbytes' NF4 linear layers. Prints one JSON line. Needs no download."""
import argparse
import json
import random
import resource
import tempfile
import time
import warnings

warnings.filterwarnings("ignore")
parser = argparse.ArgumentParser()
for name in ("hidden", "layers", "heads", "intermediate", "vocab", "batch", "length", "rank", "steps", "warmup", "threads"):
    parser.add_argument(f"--{name}", type=int, required=True)
parser.add_argument("--device", choices=["cpu", "cuda"], required=True)
a = parser.parse_args()

import bitsandbytes
import torch
import transformers
from peft import LoraConfig
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, models, pre_tokenizers, processors

try:
    from sentence_transformers.losses import DenoisingAutoEncoderLoss
except ImportError:
    from sentence_transformers.sentence_transformer.losses import DenoisingAutoEncoderLoss

transformers.logging.set_verbosity_error()
torch.set_num_threads(a.threads)
torch.manual_seed(7)
rng = random.Random(7)
SPECIAL = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]"}
FIRST_WORD = 1000


def write_base(folder: str) -> None:
    """A random BERT whose tokenizer reads words `w<id>`."""
    config = transformers.BertConfig(
        vocab_size=a.vocab, hidden_size=a.hidden, num_hidden_layers=a.layers, num_attention_heads=a.heads,
        intermediate_size=a.intermediate, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    transformers.BertModel(config).save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({SPECIAL.get(i, f"w{i}"): i for i in range(a.vocab)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 101), ("[SEP]", 102)])
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]",
        model_max_length=512).save_pretrained(folder)


def to_nf4(module) -> None:
    for name, child in list(module.named_children()):
        if not isinstance(child, torch.nn.Linear):
            to_nf4(child)
            continue
        packed = bitsandbytes.nn.Linear4bit(
            child.in_features, child.out_features, bias=True, compute_dtype=torch.float32, quant_type="nf4", compress_statistics=True)
        packed.weight = bitsandbytes.nn.Params4bit(child.weight.data, requires_grad=False, quant_type="nf4", compress_statistics=True)
        packed.bias = child.bias
        setattr(module, name, packed)


with tempfile.TemporaryDirectory() as folder:
    write_base(folder)
    model = SentenceTransformer(folder, device=a.device)
    model.max_seq_length = a.length
    loss_fn = DenoisingAutoEncoderLoss(model, decoder_name_or_path=folder, tie_encoder_decoder=True)
to_nf4((getattr(model[0], "auto_model", None) or model[0].model).encoder)
model.to(a.device)
loss_fn.to(a.device)
model.add_adapter(LoraConfig(
    r=a.rank, lora_alpha=2 * a.rank, target_modules=["query", "key", "value", "dense"], lora_dropout=0.0, bias="none"))
parameters = [p for p in loss_fn.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(parameters, lr=1e-4, weight_decay=0.0)
tokenize = getattr(model, "preprocess", None) or model.tokenize


def text() -> str:
    return " ".join(f"w{rng.randrange(FIRST_WORD, a.vocab)}" for _ in range(a.length - 2))


def noisy(clean: str) -> str:
    words = clean.split()
    return " ".join([w for w in words if rng.random() > 0.6] or [rng.choice(words)])


def features(texts: list[str]) -> dict:
    return {k: v.to(a.device) if hasattr(v, "to") else v for k, v in tokenize(texts).items()}


losses, seconds, tokens = [], 0.0, 0
for step in range(a.warmup + a.steps):
    batch = [text() for _ in range(a.batch)]
    started = time.perf_counter()
    source, target = features([noisy(t) for t in batch]), features(batch)
    loss = loss_fn([source, target], None)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step()
    optimizer.zero_grad()
    losses.append(round(loss.item(), 4))
    if step >= a.warmup:
        seconds += time.perf_counter() - started
        tokens += int(source["attention_mask"].sum() + target["attention_mask"].sum())

print(json.dumps({
    "versions": {m.__name__: m.__version__ for m in (torch, bitsandbytes, transformers)},
    "step_ms": round(1e3 * seconds / a.steps, 1), "sentences_per_second": round(a.steps * a.batch / seconds, 1),
    "tokens_per_second": round(tokens / seconds, 1), "trainable": sum(p.numel() for p in parameters),
    "peak_allocated_device_mb": torch.cuda.max_memory_allocated() // 2**20 if a.device == "cuda" else None,
    "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "loss": [losses[0], losses[-1]]}))

#!/usr/bin/env python3
"""An embedding peer for `npm run bench -- serve`: answers each line on stdin with one JSON line on stdout.

    embed_peer.py --engine torch|ort-int8|openvino-int8 --base DIR --texts FILE --threads T --batch 32 --max-length 256

`round` embeds all texts in batches sorted by length and says how long it took, `single N` times N texts alone, `vectors N`
gives the first N texts' unit vectors. torch: sentence-transformers as it comes. ort-int8: onnxruntime with dynamically
quantised weights. openvino-int8: NNCF's 8-bit weights, OpenVINO's own dynamic quantisation of activations.
"""
import argparse, json, os, sys, tempfile, time, warnings

warnings.filterwarnings("ignore")
p = argparse.ArgumentParser()
p.add_argument("--engine", choices=["torch", "ort-int8", "openvino-int8"], required=True)
p.add_argument("--base", required=True)
p.add_argument("--texts", required=True)
p.add_argument("--threads", type=int, default=2)
p.add_argument("--batch", type=int, default=32)
p.add_argument("--max-length", type=int, default=256)
a = p.parse_args()
os.environ["OMP_NUM_THREADS"] = str(a.threads)

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

torch.set_num_threads(a.threads)
st = SentenceTransformer(a.base, device="cpu")
st.max_seq_length = a.max_length
tokenizer = Tokenizer.from_file(os.path.join(a.base, "tokenizer.json"))
tokenizer.no_padding()
tokenizer.enable_truncation(a.max_length)
config = json.load(open(os.path.join(a.base, "config.json")))
texts = [line.strip() for line in open(a.texts, encoding="utf-8") if line.strip()]


def exported():
    """The encoder as an ONNX file, without its pooling."""
    backbone = (st[0].auto_model if hasattr(st[0], "auto_model") else st[0].model).eval()
    backbone.config._attn_implementation = "eager"

    class Hidden(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.m = backbone

        def forward(self, input_ids, attention_mask):
            return self.m(input_ids=input_ids, attention_mask=attention_mask, return_dict=False)[0]

    path = os.path.join(tempfile.mkdtemp(), "m.onnx")
    ids = torch.ones(2, 8, dtype=torch.long)
    axes = {name: {0: "b", 1: "s"} for name in ("input_ids", "attention_mask", "h")}
    torch.onnx.export(Hidden(), (ids, ids), path, input_names=["input_ids", "attention_mask"], output_names=["h"],
                      dynamic_axes=axes, opset_version=17, dynamo=False)
    return path


def ort_int8():
    import onnxruntime as ort
    from onnxruntime.quantization import QuantType, quantize_dynamic
    path = exported()
    quantize_dynamic(path, path + ".int8", weight_type=QuantType.QInt8, per_channel=True)
    options = ort.SessionOptions()
    options.intra_op_num_threads = a.threads
    session = ort.InferenceSession(path + ".int8", options, providers=["CPUExecutionProvider"])
    return lambda ids, mask: session.run(None, {"input_ids": ids, "attention_mask": mask})[0]


def openvino_int8():
    import nncf
    import openvino as ov
    core = ov.Core()
    model = nncf.compress_weights(core.read_model(exported()), mode=nncf.CompressWeightsMode.INT8_SYM)
    settings = {"INFERENCE_NUM_THREADS": a.threads, "DYNAMIC_QUANTIZATION_GROUP_SIZE": 32, "PERFORMANCE_HINT": "LATENCY"}
    compiled = core.compile_model(model, "CPU", settings)
    return lambda ids, mask: compiled([ids, mask])[0]


def padded(hidden):
    """Embeds rows with a model of token states."""
    pad = config.get("pad_token_id") or 0

    def embed(rows):
        encoded = [each.ids for each in tokenizer.encode_batch(rows)]
        order = sorted(range(len(rows)), key=lambda i: -len(encoded[i]))
        vectors = np.empty((len(rows), config["hidden_size"]), np.float32)
        for start in range(0, len(rows), a.batch):
            indices = order[start:start + a.batch]
            longest = len(encoded[indices[0]])
            ids = np.full((len(indices), longest), pad, np.int64)
            mask = np.zeros((len(indices), longest), np.int64)
            for row, i in enumerate(indices):
                ids[row, :len(encoded[i])] = encoded[i]
                mask[row, :len(encoded[i])] = 1
            pooled = (hidden(ids, mask) * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
            vectors[indices] = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
        return vectors

    return embed


def by_torch(rows):
    return st.encode(rows, batch_size=a.batch, normalize_embeddings=True, show_progress_bar=False)


embed = {"torch": lambda: by_torch, "ort-int8": lambda: padded(ort_int8()), "openvino-int8": lambda: padded(openvino_int8())}[a.engine]()


def timed(rows):
    wall, cpu = time.perf_counter(), time.process_time()
    embed(rows)
    return 1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - cpu)


def answer(command, count=0):
    if command == "round":
        ms, cpu_ms = timed(texts)
        return {"ms": ms, "cpu_ms": cpu_ms}
    if command == "single":
        return {"times_ms": [timed([texts[i % len(texts)]])[0] for i in range(count)]}
    return {"vectors": [[float(value) for value in vector] for vector in embed(texts[:count])]}


print(json.dumps({"ready": a.engine}), flush=True)
for line in sys.stdin:
    command, *count = line.split()
    print(json.dumps(answer(command, *map(int, count))), flush=True)

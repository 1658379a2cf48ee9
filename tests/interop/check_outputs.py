"""What sentence-transformers and onnxruntime give for folders of write-outputs.ts, against serving's vectors.

python tests/interop/check_outputs.py DIR    (sentence-transformers, onnxruntime; with optimum also its ONNX backend)
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import sentence_transformers
from sentence_transformers import SentenceTransformer

folder = Path(sys.argv[1])
served = json.loads((folder / "served.json").read_text())
texts, pooling = served["texts"], served["pooling"]


def unit(rows):
    rows = np.asarray(rows, dtype=np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


wanted = unit(served["vectors"])


def say(name, rows, allowed):
    cosines = (unit(rows) * wanted).sum(1)
    gap = 1 - cosines.min()
    print(f"{name}: mean cosine {cosines.mean():.7f}, largest gap {gap:.2e}, allowed {allowed:.0e}")
    return gap <= allowed


def onnx_vectors(file, tokenizer, limit):
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    rows = tokenizer(texts, padding=True, truncation=True, max_length=limit, return_tensors="np")
    known = {value.name for value in session.get_inputs()}
    feeds = {"token_type_ids": np.zeros_like(rows["input_ids"]), **rows}
    feeds = {name: value for name, value in feeds.items() if name in known}
    states = session.run(["last_hidden_state"], {name: value.astype(np.int64) for name, value in feeds.items()})[0]
    mask = rows["attention_mask"][..., None]
    if pooling == "lasttoken":
        last = mask.shape[1] - 1 - np.argmax(mask[:, ::-1, 0], axis=1)
        return states[np.arange(len(states)), last]
    return states[:, 0] if pooling == "cls" else (states * mask).sum(1) / mask.sum(1)


print(f"sentence-transformers {sentence_transformers.__version__}, onnxruntime {onnxruntime.__version__}, {len(texts)} texts")
merged = SentenceTransformer(str(folder / "merged_model"), device="cpu")
# An empty prompt: serving's vectors were made without one.
encoded = merged.float().encode(texts, prompt="", normalize_embeddings=True)
good = say("merged_model in sentence-transformers", encoded, 1e-4)
limit = merged.max_seq_length
good &= say("onnx/model.onnx in onnxruntime", onnx_vectors(folder / "onnx/onnx/model.onnx", merged.tokenizer, limit), 1e-4)
good &= say("onnx/model_quantized.onnx in onnxruntime", onnx_vectors(folder / "onnx/onnx/model_quantized.onnx", merged.tokenizer, limit), 2e-2)
try:
    import optimum.onnxruntime  # noqa: F401
except ImportError:
    print("optimum is not installed: its backend was not tried")
else:
    model = SentenceTransformer(str(folder / "onnx"), backend="onnx", device="cpu")
    good &= say("onnx in sentence-transformers (optimum)", model.encode(texts, prompt="", normalize_embeddings=True), 1e-4)
sys.exit(0 if good else 1)

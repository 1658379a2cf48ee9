"""huggingface_hub's InferenceClient, as for Text Embeddings Inference; an adapter is named in a header. Needs huggingface_hub."""

import os

from huggingface_hub import InferenceClient

EMBED = os.environ.get("DAK_EMBED_URL", "http://127.0.0.1:8081")
ADAPTER = os.environ.get("DAK_ADAPTER")
QUERY = "allen bolt m8 x 40 inox"
TEXTS = ["Socket head cap screw M8x40, stainless A2", "O-ring 8x2, NBR 70 Shore", "Ball valve 1/2 inch, brass"]

for adapter in ["", ADAPTER] if ADAPTER else [""]:
    client = InferenceClient(EMBED, token=os.environ.get("DAK_API_KEY"), headers={"x-dak-adapter": adapter})
    print(adapter or "base")
    for score, text in sorted(zip(client.sentence_similarity(QUERY, other_sentences=TEXTS), TEXTS), reverse=True):
        print(f"  {score:.4f}  {text}")
    print(f"  {client.feature_extraction(TEXTS).shape}")

"""REST from Python: similarities and vectors, with and without an adapter. Needs requests."""

import os

import requests

EMBED = os.environ.get("DAK_EMBED_URL", "http://127.0.0.1:8081")
ADAPTER = os.environ.get("DAK_ADAPTER")
QUERY = "allen bolt m8 x 40 inox"
TEXTS = ["Socket head cap screw M8x40, stainless A2", "O-ring 8x2, NBR 70 Shore", "Ball valve 1/2 inch, brass"]

session = requests.Session()
if key := os.environ.get("DAK_API_KEY"):
    session.headers["authorization"] = f"Bearer {key}"


def post(path: str, body: dict) -> requests.Response:
    answer = session.post(EMBED + path, json=body, timeout=60)
    if not answer.ok:
        # Text Embeddings Inference's error; routes of its own answer with application/problem+json.
        raise SystemExit(f"{path} answered {answer.status_code}: {answer.json()['error']}")
    return answer


for adapter in [None, ADAPTER] if ADAPTER else [None]:
    choice = {"adapter": adapter} if adapter else {}
    answer = post("/similarity", {"inputs": {"source_sentence": QUERY, "sentences": TEXTS}, **choice})
    print(answer.headers["x-dak-adapter"])
    for score, text in sorted(zip(answer.json(), TEXTS), reverse=True):
        print(f"  {score:.4f}  {text}")
    (vector,) = post("/embed", {"inputs": QUERY, **choice}).json()
    print(f"  {len(vector)} dimensions")

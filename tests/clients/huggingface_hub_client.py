"""huggingface_hub's InferenceClient: feature extraction and sentence similarity against a TEI endpoint."""

from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError

from common import adapter, answer, texts, url

client = InferenceClient(url)
adapted = InferenceClient(url, headers={"x-dak-adapter": adapter})

try:
    client.feature_extraction("hat " * 400, truncate=False)
    refused = None
except HfHubHTTPError as error:
    refused = {"status": error.response.status_code, **error.response.json()}

answer(
    one=client.feature_extraction(texts[0]).tolist(),
    many=client.feature_extraction(texts).tolist(),
    raw=client.feature_extraction(texts, normalize=False).tolist(),
    dimensions=client.feature_extraction(texts, dimensions=8).tolist(),
    left=client.feature_extraction("red " * 300 + "blue " * 300, truncate=True, truncation_direction="Left").tolist(),
    prompted=client.feature_extraction(texts[0], prompt_name="query").tolist(),
    similarity=client.sentence_similarity(texts[0], other_sentences=texts[1:]),
    similarity_by_route=InferenceClient(f"{url}/similarity").sentence_similarity(texts[0], other_sentences=texts[1:]),
    adapted=adapted.feature_extraction(texts).tolist(),
    adapted_similarity=adapted.sentence_similarity(texts[0], other_sentences=texts[1:]),
    refused=refused,
)

"""LlamaIndex's TextEmbeddingsInference."""

import asyncio

from llama_index.embeddings.text_embeddings_inference import TextEmbeddingsInference

from common import adapter, answer, texts, url

tei = TextEmbeddingsInference(model_name="all-MiniLM-L6-v2", base_url=url, text_instruction=" ", query_instruction=" ")
adapted = TextEmbeddingsInference(
    model_name="all-MiniLM-L6-v2",
    base_url=url,
    endpoint=f"/embed?adapter={adapter}",
    text_instruction=" ",
    query_instruction=" ",
)

answer(
    documents=tei.get_text_embedding_batch(texts),
    query=tei.get_query_embedding(texts[0]),
    later=asyncio.run(tei.aget_text_embedding_batch(texts)),
    long=tei.get_text_embedding("hat " * 400),
    adapted=adapted.get_text_embedding_batch(texts),
)

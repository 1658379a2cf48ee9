"""LangChain's embeddings for TEI (HuggingFaceEndpointEmbeddings) and for OpenAI (OpenAIEmbeddings)."""

import asyncio

from huggingface_hub import AsyncInferenceClient, InferenceClient
from langchain_huggingface import HuggingFaceEndpointEmbeddings
from langchain_openai import OpenAIEmbeddings

from common import adapter, answer, texts, url


def at(address: str, **kwargs) -> HuggingFaceEndpointEmbeddings:
    """Its newest versions take no address for a model, so they are given the clients that older ones made of it."""
    embeddings = HuggingFaceEndpointEmbeddings(model="all-MiniLM-L6-v2", **kwargs)
    embeddings.client, embeddings.async_client = InferenceClient(address), AsyncInferenceClient(address)
    return embeddings


tei = at(url)
adapted = at(f"{url}/embed?adapter={adapter}", model_kwargs={"truncate": True})
# Without check_embedding_ctx_length=False it sends the ids of OpenAI's own tokenizer, which mean nothing to another model.
openai = OpenAIEmbeddings(base_url=f"{url}/v1", api_key="none", model=adapter, check_embedding_ctx_length=False)

answer(
    documents=tei.embed_documents(texts),
    query=tei.embed_query(texts[0]),
    later=asyncio.run(tei.aembed_documents(texts)),
    adapted=adapted.embed_documents(texts),
    openai=openai.embed_documents(texts),
    openai_query=openai.embed_query(texts[0]),
)

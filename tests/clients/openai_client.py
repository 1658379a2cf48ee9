"""OpenAI's Python package."""

import openai

from common import adapter, answer, texts, url

client = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)


def embed(**settings):
    # By itself the package asks for base64 and decodes it.
    created = client.embeddings.create(**{"model": "all-MiniLM-L6-v2", "input": texts, **settings})
    return [item.embedding for item in created.data]


def refused(**settings):
    try:
        embed(**settings)
    except openai.APIStatusError as error:
        return {"class": type(error).__name__, "status": error.status_code, "code": error.code}


created = client.embeddings.create(model=adapter, input=texts[0])
answer(
    models=[model.id for model in client.models.list()],
    model=client.models.retrieve(adapter).id,
    default=embed(),
    numbers=embed(encoding_format="float"),
    base64=embed(encoding_format="base64"),
    dimensions=embed(dimensions=8),
    ids=embed(input=[[101, 6045, 102]]),
    id_list=embed(input=[101, 6045, 102]),
    adapted=embed(model=adapter),
    answered_by=created.model,
    tokens=created.usage.total_tokens,
    again=embed(model=created.model),
    nobody=refused(model="nobody"),
    stale=refused(model=f"{adapter}@99"),
    wrong=refused(dimensions=100_000),
    empty=refused(input=[]),
)

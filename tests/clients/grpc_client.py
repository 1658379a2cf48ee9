"""Python's gRPC without generated code: dak.v1 and tei.v1 by server reflection."""

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from common import adapter, answer, grpc_address, texts

with grpc.insecure_channel(grpc_address) as channel:
    database = ProtoReflectionDescriptorDatabase(channel)
    pool = DescriptorPool(database)

    def method(service, name):
        found = pool.FindServiceByName(service).FindMethodByName(name)
        request, response = GetMessageClass(found.input_type), GetMessageClass(found.output_type)
        coding = {"request_serializer": request.SerializeToString, "response_deserializer": response.FromString}
        return request, f"/{service}/{name}", coding

    def call(service, name, metadata=(), **fields):
        request, path, coding = method(service, name)
        return channel.unary_unary(path, **coding).with_call(request(**fields), metadata=metadata, timeout=60)

    def stream(service, name, requests):
        request, path, coding = method(service, name)
        return channel.stream_stream(path, **coding)((request(**fields) for fields in requests), timeout=60)

    def code(service, name, metadata=(), **fields):
        try:
            call(service, name, metadata, **fields)
        except grpc.RpcError as error:
            return error.code().name

    own, _ = call("dak.v1.EmbedService", "Embed", inputs=texts, adapters=["", adapter, adapter])
    info, _ = call("tei.v1.Info", "Info")
    tei = [call("tei.v1.Embed", "Embed", inputs=text, normalize=True)[0] for text in texts]
    adapted, ended = call("tei.v1.Embed", "Embed", [("x-dak-adapter", adapter)], inputs=texts[0], normalize=True)
    ranked, _ = call("tei.v1.Rerank", "Rerank", query=texts[0], texts=texts, raw_scores=True)
    tokens, _ = call("tei.v1.Tokenize", "Tokenize", inputs=texts[0], add_special_tokens=True)
    decoded, _ = call("tei.v1.Tokenize", "Decode", ids=[token.id for token in tokens.tokens], skip_special_tokens=True)

    answer(
        services=sorted(database.get_services()),
        own=[list(embedding.values) for embedding in own.embeddings],
        own_adapters=list(own.adapters),
        model=info.model_id,
        tei=[list(message.embeddings) for message in tei],
        tokens=[message.metadata.compute_tokens for message in tei],
        streamed=[list(message.embeddings) for message in stream("tei.v1.Embed", "EmbedStream", [{"inputs": text, "normalize": True} for text in texts])],
        adapted=list(adapted.embeddings),
        answered_by=dict(ended.trailing_metadata())["x-dak-adapter"],
        best=ranked.ranks[0].index,
        best_score=ranked.ranks[0].score,
        decoded=decoded.text,
        nobody=code("tei.v1.Embed", "Embed", [("x-dak-adapter", "nobody")], inputs=texts[0]),
        sparse=code("tei.v1.Embed", "EmbedSparse", inputs=texts[0]),
        predict=code("tei.v1.Predict", "Predict", inputs=texts[0]),
        empty=code("tei.v1.Embed", "Embed", inputs=""),
    )

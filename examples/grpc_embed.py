"""gRPC from Python without generated code: the services describe themselves. Needs grpcio and grpcio-reflection."""

import os

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

ADDRESS = os.environ.get("DAK_EMBED_GRPC", "127.0.0.1:50052")
ADAPTER = os.environ.get("DAK_ADAPTER", "")
QUERY = "allen bolt m8 x 40 inox"
TEXTS = ["Socket head cap screw M8x40, stainless A2", "O-ring 8x2, NBR 70 Shore", "Ball valve 1/2 inch, brass"]

key = os.environ.get("DAK_API_KEY")
METADATA = [("authorization", f"Bearer {key}")] if key else []

with grpc.insecure_channel(ADDRESS) as channel:
    database = ProtoReflectionDescriptorDatabase(channel)
    print("services:", ", ".join(sorted(database.get_services())))
    service = DescriptorPool(database).FindServiceByName("dak.v1.EmbedService")

    def call(name: str, **fields):
        method = service.FindMethodByName(name)
        request = GetMessageClass(method.input_type)
        invoke = channel.unary_unary(
            f"/{service.full_name}/{name}",
            request_serializer=request.SerializeToString,
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        return invoke(request(**fields), metadata=METADATA, timeout=60)

    print(call("Info").model_id)
    for adapter in [ADAPTER, ""] if ADAPTER else [""]:
        answer = call("Similarity", source_sentence=QUERY, sentences=TEXTS, adapter=adapter)
        print(answer.adapter or "base")
        for score, text in sorted(zip(answer.similarities, TEXTS), reverse=True):
            print(f"  {score:.4f}  {text}")
    try:
        call("Similarity", source_sentence=QUERY, sentences=TEXTS, adapter="nobody")
    except grpc.RpcError as error:
        print(f"{error.code().name}: {error.details()}")

/** A unary gRPC call that shows the metadata of both directions, which a typed client keeps to itself. */
import {
	create,
	type DescMessage,
	type DescMethodUnary,
	fromBinary,
	type MessageInitShape,
	type MessageShape,
	toBinary,
} from "@bufbuild/protobuf";
import type { DakError } from "@dak/shared/errors";
import { fromGrpcError } from "@dak/shared/server";
import { Client, credentials, Metadata } from "@grpc/grpc-js";

export interface Answer<T> {
	readonly message: T;
	/** What came with the status. */
	readonly trailer: Record<string, unknown>;
}

/** @throws DakError with the server's reason */
export async function callWithMetadata<I extends DescMessage, O extends DescMessage>(
	address: string,
	method: DescMethodUnary<I, O>,
	request: MessageInitShape<I>,
	metadata: Readonly<Record<string, string>> = {},
): Promise<Answer<MessageShape<O>>> {
	const client = new Client(address, credentials.createInsecure());
	const sent = new Metadata();
	for (const [key, value] of Object.entries(metadata)) sent.set(key, value);
	try {
		return await new Promise((resolve, reject: (error: DakError) => void) => {
			let message: MessageShape<O> | undefined;
			const call = client.makeUnaryRequest(
				`/${method.parent.typeName}/${method.name}`,
				(value: MessageShape<I>) => Buffer.from(toBinary(method.input, value)),
				(bytes: Buffer) => fromBinary(method.output, bytes),
				create(method.input, request),
				sent,
				(error, value) => {
					if (error) reject(fromGrpcError(error));
					else message = value;
				},
			);
			call.on("status", (status) => message && resolve({ message, trailer: status.metadata.getMap() }));
		});
	} finally {
		client.close();
	}
}

/** gRPC: the same functions as REST's. */
import { setMaxListeners } from "node:events";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { TOOL_VERSION } from "@dak/shared/adapters";
import {
	type AdapterSchema,
	AdapterService,
	type EmbedRequest,
	type EmbedResponseSchema,
	EmbedService,
	TruncationDirection,
} from "@dak/shared/proto";
import { addProtoService, type CallContext, type GrpcServiceOptions } from "@dak/shared/server";
import type { Server } from "@grpc/grpc-js";
import type { AdapterInfo } from "../adapters/index.js";
import type { EmbedApplication } from "../application/index.js";

/** Who calls, and until when. */
type Caller = Pick<CallContext, "user" | "signal">;
type Options = Omit<GrpcServiceOptions<never>, "scopes">;

const directionOf = (direction: TruncationDirection): "left" | "right" => (direction === TruncationDirection.LEFT ? "left" : "right");

async function embed(
	app: EmbedApplication,
	request: EmbedRequest,
	{ user, signal }: Caller,
): Promise<MessageInitShape<typeof EmbedResponseSchema>> {
	const { inputs, adapters, truncate, truncationDirection, promptName, normalize, dimensions } = request;
	const result = await app.embed({
		inputs,
		adapters,
		truncate,
		truncationDirection: directionOf(truncationDirection),
		promptName,
		normalize: normalize ?? true,
		dimensions,
		client: user,
		signal,
	});
	return {
		embeddings: result.vectors.map((vector) => ({ values: Array.from(vector) })),
		adapters: [...result.adapters],
		tokens: result.tokens,
	};
}

/** Requests of a stream that are embedded at once; answers keep their order. */
const STREAM_WINDOW = 16;

/**
 * Reads ahead while the oldest answer is not there yet, and sends it as soon as it is: a client may wait for each answer
 * before it sends the next request.
 */
async function* embedStream(app: EmbedApplication, requests: AsyncIterable<EmbedRequest>, caller: Caller) {
	setMaxListeners(2 * STREAM_WINDOW, caller.signal);
	const incoming = requests[Symbol.asyncIterator]();
	const window: Promise<MessageInitShape<typeof EmbedResponseSchema>>[] = [];
	let reading: Promise<IteratorResult<EmbedRequest>> | undefined = incoming.next();
	while (reading || window.length > 0) {
		const oldest = window[0];
		const full = window.length >= STREAM_WINDOW;
		const read: IteratorResult<EmbedRequest> | "answered" = await Promise.race([
			...(reading && !full ? [reading] : []),
			...(oldest ? [oldest.then(() => "answered" as const)] : []),
		]);
		if (read === "answered") yield await window.shift()!;
		else if (read.done) reading = undefined;
		else {
			const answer = embed(app, read.value, caller);
			// A failure is thrown when its turn comes.
			answer.catch(() => {});
			window.push(answer);
			reading = incoming.next();
		}
	}
}

export function addEmbedServices(server: Server, app: EmbedApplication, options: Options): void {
	addProtoService(
		server,
		EmbedService,
		{
			embed: (request, caller) => embed(app, request, caller),
			embedStream: (requests, caller) => embedStream(app, requests, caller),
			similarity: ({ sourceSentence, sentences, adapter, truncate, truncationDirection, promptName }, { user, signal }) =>
				app.similarity(sourceSentence, sentences, {
					adapters: adapter === "" ? [] : [adapter],
					truncate,
					truncationDirection: directionOf(truncationDirection),
					promptName,
					client: user,
					signal,
				}),
			tokenize: ({ inputs, addSpecialTokens, promptName }) => ({
				texts: app.tokenize(inputs, addSpecialTokens ?? true, promptName).map((tokens) => ({
					tokens: tokens.map(({ id, text, special, start, stop }) => ({
						id,
						text,
						special,
						...(start === undefined ? {} : { start }),
						...(stop === undefined ? {} : { stop }),
					})),
				})),
			}),
			info: () => {
				const { baseBytes, prompts: _, deviceReason: __, ...info } = app.info();
				return { ...info, baseBytes: BigInt(baseBytes), version: TOOL_VERSION };
			},
		},
		{ ...options, scopes: { embed: "embed", embedStream: "embed", similarity: "embed", tokenize: "embed" } },
	);
	addAdapterService(server, app, options);
}

const adapterMessage = (info: AdapterInfo): MessageInitShape<typeof AdapterSchema> => ({
	...info,
	generation: BigInt(info.generation),
	bytes: BigInt(info.bytes),
});

function addAdapterService(server: Server, app: EmbedApplication, options: Options): void {
	addProtoService(
		server,
		AdapterService,
		{
			listAdapters: () => ({ adapters: app.registry.list().map(adapterMessage) }),
			loadAdapter: async ({ name, source }) => {
				const from = source.case === "path" ? { path: source.value } : source.case === "jobId" ? { jobId: source.value } : undefined;
				return adapterMessage(await app.registry.load(name, from));
			},
			unloadAdapter: async ({ name }) => {
				await app.registry.unload(name);
				return {};
			},
		},
		{ ...options, scopes: { listAdapters: "embed", loadAdapter: "admin", unloadAdapter: "admin" } },
	);
}

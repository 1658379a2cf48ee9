/** gRPC: the same functions as REST's. */
import type { DescService, MessageInitShape } from "@bufbuild/protobuf";
import { TOOL_VERSION } from "@dak/shared/adapters";
import {
	type AdapterSchema,
	AdapterService,
	type EmbedRequest,
	type EmbedResponseSchema,
	EmbedService,
	LongTexts,
	TruncationDirection,
} from "@dak/shared/proto";
import { addProtoService, type CallContext, type GrpcServiceOptions } from "@dak/shared/server";
import type { Server } from "@grpc/grpc-js";
import type { AdapterInfo } from "../adapters/index.js";
import type { EmbedApplication, TokenizeSettings } from "../application/index.js";
import { adapterHeader } from "./answer-headers.js";
import { inOrder } from "./in-order.js";
import { addTeiServices, TEI_SERVICES } from "./tei/index.js";

/** Every service that addEmbedServices adds. */
export const GRPC_SERVICES: readonly DescService[] = [EmbedService, AdapterService, ...TEI_SERVICES];

type Options = Omit<GrpcServiceOptions<never>, "scopes">;

const directionOf = (direction: TruncationDirection): "left" | "right" => (direction === TruncationDirection.LEFT ? "left" : "right");

const LONG_TEXTS = {
	[LongTexts.UNSPECIFIED]: undefined,
	[LongTexts.REFUSE]: "refuse",
	[LongTexts.TRUNCATE]: "truncate",
	[LongTexts.WINDOW]: "window",
} as const;

interface TextOptions {
	readonly truncate: boolean;
	readonly longTexts: LongTexts;
	readonly truncationDirection: TruncationDirection;
	readonly promptName?: string | undefined;
}

const textSettings = ({ truncate, longTexts, truncationDirection, promptName }: TextOptions): TokenizeSettings => ({
	longTexts: LONG_TEXTS[longTexts] ?? (truncate ? "truncate" : "refuse"),
	truncationDirection: directionOf(truncationDirection),
	promptName,
});

/** The same in the trailing metadata as in REST's header, beside the message's own field. */
function sayAdapters({ trailer }: CallContext, adapters: readonly string[]): void {
	trailer.set("x-dak-adapter", adapterHeader(adapters));
}

async function embed(
	app: EmbedApplication,
	request: EmbedRequest,
	{ user, signal }: CallContext,
): Promise<MessageInitShape<typeof EmbedResponseSchema>> {
	const { inputs, adapters, normalize, dimensions } = request;
	const result = await app.embed({
		...textSettings(request),
		inputs,
		adapters,
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

export function addEmbedServices(server: Server, app: EmbedApplication, options: Options): void {
	addProtoService(
		server,
		EmbedService,
		{
			embed: async (request, context) => {
				const answer = await embed(app, request, context);
				sayAdapters(context, answer.adapters ?? []);
				return answer;
			},
			embedStream: (requests, context) => inOrder(requests, (request) => embed(app, request, context), context.signal),
			similarity: async (request, context) => {
				const { sourceSentence, sentences, adapter } = request;
				const settings = {
					...textSettings(request),
					adapters: adapter === "" ? [] : [adapter],
					client: context.user,
					signal: context.signal,
				};
				const result = await app.similarity(sourceSentence, sentences, settings);
				sayAdapters(context, [result.adapter]);
				return { similarities: [...result.similarities], adapter: result.adapter };
			},
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
				const { baseBytes, ...info } = app.info();
				return { ...info, baseBytes: BigInt(baseBytes), version: TOOL_VERSION };
			},
		},
		{ ...options, scopes: { embed: "embed", embedStream: "embed", similarity: "embed", tokenize: "embed" } },
	);
	addAdapterService(server, app, options);
	addTeiServices(server, app, options);
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

/** Text Embeddings Inference's gRPC services: proto/tei/v1. The adapter is in the metadata, since its messages have no field for it. */
import type { DescService } from "@bufbuild/protobuf";
import { TOOL_VERSION } from "@dak/shared/adapters";
import { DakError } from "@dak/shared/errors";
import { tei } from "@dak/shared/proto";
import { addProtoService, type CallContext, type GrpcServiceOptions } from "@dak/shared/server";
import type { Server } from "@grpc/grpc-js";
import type { EmbedApplication, EmbedResult, SimilarityResult, TokenizeSettings } from "../../application/index.js";
import { adapterHeader, charactersOf } from "../answer-headers.js";
import { inOrder } from "../in-order.js";
import { scoreOf } from "./embed.js";
import { WHY } from "./refused.js";

/** What is listed by reflection and health. */
export const TEI_SERVICES: readonly DescService[] = [tei.Info, tei.Embed, tei.Predict, tei.Rerank, tei.Tokenize];

const ADAPTER = "x-dak-adapter";

export function addTeiServices(server: Server, app: EmbedApplication, options: Omit<GrpcServiceOptions<never>, "scopes">): void {
	addProtoService(server, tei.Info, { info: () => info(app) }, options);
	addEmbed(server, app, options);
	const predict = refuse("predict");
	const predictions = { predict, predictPair: predict, predictStream: predict, predictPairStream: predict };
	addProtoService(server, tei.Predict, predictions, { ...options, scopes: embedScopes(tei.Predict) });
	addRerank(server, app, options);
	addTokenize(server, app, options);
}

/** Every method asks for the scope of /embed. */
const embedScopes = <S extends DescService>({ methods }: S) =>
	Object.fromEntries(methods.map(({ localName }) => [localName, "embed"])) as GrpcServiceOptions<S>["scopes"] & {};

const refuse = (what: keyof typeof WHY) => (): never => {
	throw new DakError("NOT_IMPLEMENTED", WHY[what]);
};

function info(app: EmbedApplication) {
	const { modelId, modelFingerprint, maxQueueTexts, maxInputLength, maxBatchTokens, maxClientBatchSize } = app.info();
	return {
		version: TOOL_VERSION,
		modelId,
		modelSha: modelFingerprint,
		modelDtype: "nf4",
		modelType: tei.ModelType.EMBEDDING,
		maxConcurrentRequests: maxQueueTexts,
		maxInputLength,
		maxBatchTokens,
		maxClientBatchSize,
		tokenizationWorkers: 1,
	};
}

/** The adapter that the call names: none for the base. */
const adaptersOf = ({ metadata }: CallContext): string[] => metadata.get(ADAPTER).map(String).slice(0, 1);

interface TextOptions {
	readonly truncate: boolean;
	readonly truncationDirection: tei.TruncationDirection;
	readonly promptName?: string | undefined;
}

const textSettings = ({ truncate, truncationDirection, promptName }: TextOptions): TokenizeSettings => ({
	longTexts: truncate ? "truncate" : "refuse",
	truncationDirection: truncationDirection === tei.TruncationDirection.LEFT ? "left" : "right",
	promptName,
});

const ns = (ms: number): bigint => BigInt(Math.round(ms * 1e6));

function metadataOf(inputs: readonly string[], { tokens, times }: Pick<EmbedResult | SimilarityResult, "tokens" | "times">) {
	return {
		computeChars: charactersOf(inputs),
		computeTokens: tokens,
		totalTimeNs: ns(times.totalMs),
		tokenizationTimeNs: ns(times.tokenizeMs),
		queueTimeNs: ns(times.queueMs),
		inferenceTimeNs: ns(times.inferenceMs),
	};
}

/** Names in the trailing metadata what has answered; a stream may see several generations. */
class Answerers {
	readonly #labels = new Set<string>();

	constructor(private readonly context: CallContext) {}

	add(label: string): void {
		this.#labels.add(label);
		this.context.trailer.set(ADAPTER, adapterHeader([...this.#labels]));
	}
}

function addEmbed(server: Server, app: EmbedApplication, options: Omit<GrpcServiceOptions<never>, "scopes">): void {
	const embed = async (request: tei.EmbedRequest, context: CallContext, answerers: Answerers) => {
		const { inputs, normalize } = request;
		const settings = { ...textSettings(request), adapters: adaptersOf(context), normalize, client: context.user, signal: context.signal };
		const result = await app.embed({ ...settings, inputs: [inputs] });
		answerers.add(result.adapters[0]!);
		return { embeddings: Array.from(result.vectors[0]!), metadata: metadataOf([inputs], result) };
	};
	addProtoService(
		server,
		tei.Embed,
		{
			embed: (request, context) => embed(request, context, new Answerers(context)),
			embedStream: (requests, context) => {
				const answerers = new Answerers(context);
				return inOrder(requests, (request) => embed(request, context, answerers), context.signal);
			},
			embedSparse: refuse("embedSparse"),
			embedSparseStream: refuse("embedSparse"),
			embedAll: refuse("embedAll"),
			embedAllStream: refuse("embedAll"),
		},
		{ ...options, scopes: embedScopes(tei.Embed) },
	);
}

function addRerank(server: Server, app: EmbedApplication, options: Omit<GrpcServiceOptions<never>, "scopes">): void {
	type Request = Omit<tei.RerankRequest, "$typeName">;
	const rerank = async (request: Request, context: CallContext) => {
		const { query, texts, rawScores, returnText } = request;
		const settings = { ...textSettings(request), adapters: adaptersOf(context), client: context.user, signal: context.signal };
		const { ranks, ...result } = await app.rerank(query, texts, settings);
		new Answerers(context).add(result.adapter);
		return {
			ranks: ranks.map(({ index, score }) => ({
				index,
				score: rawScores ? score : scoreOf(score),
				...(returnText && { text: texts[index]! }),
			})),
			metadata: metadataOf([query, ...texts], result),
		};
	};
	addProtoService(
		server,
		tei.Rerank,
		{
			rerank,
			rerankStream: async (requests, context) => {
				let first: Request | undefined;
				const most = app.info().maxClientBatchSize;
				for await (const { text, ...request } of requests) {
					first ??= { ...request, texts: [] };
					first.texts.push(text);
					// More than one request may hold is refused before it is all read.
					if (first.texts.length > most) break;
				}
				if (!first) throw new DakError("EMPTY_INPUT", "texts: found none, allowed: at least one");
				return rerank(first, context);
			},
		},
		{ ...options, scopes: embedScopes(tei.Rerank) },
	);
}

function addTokenize(server: Server, app: EmbedApplication, options: Omit<GrpcServiceOptions<never>, "scopes">): void {
	const tokenize = async ({ inputs, addSpecialTokens, promptName }: tei.EncodeRequest) => ({
		tokens: app.tokenize([inputs], addSpecialTokens, promptName)[0]!.map(({ id, text, special, start, stop }) => ({
			id,
			text,
			special,
			...(start !== undefined && { start }),
			...(stop !== undefined && { stop }),
		})),
	});
	const decode = async ({ ids, skipSpecialTokens }: tei.DecodeRequest) => ({ text: app.decode([ids], skipSpecialTokens)[0]! });
	addProtoService(
		server,
		tei.Tokenize,
		{
			tokenize,
			tokenizeStream: (requests, { signal }) => inOrder(requests, tokenize, signal),
			decode,
			decodeStream: (requests, { signal }) => inOrder(requests, decode, signal),
		},
		{ ...options, scopes: embedScopes(tei.Tokenize) },
	);
}

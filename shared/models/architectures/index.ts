/** The architectures: one row each. What is asked of all of them is answered here from their layouts. */
import { DakError } from "../../errors/index.js";
import type { Architecture, EncoderConfig } from "../types.js";
import { bert } from "./bert.js";
import { distilbert } from "./distilbert.js";
import { modernbert } from "./modernbert.js";
import { mpnet } from "./mpnet.js";
import { qwen3 } from "./qwen3.js";
import { roberta } from "./roberta.js";
import type { ArchitectureRow, LayerLayout, Layout, LinearLayer } from "./types.js";

export type { LayerLayout, Layout, LinearLayer } from "./types.js";

const ROWS: Readonly<Record<Architecture, ArchitectureRow>> = { bert, roberta, distilbert, mpnet, modernbert, qwen3 };

/** @throws INVALID_MODEL naming the model types that there are */
export function architectureOf(modelType: string): ArchitectureRow {
	const row = Object.values(ROWS).find(({ modelTypes }) => modelTypes.includes(modelType));
	if (row) return row;
	const allowed = Object.values(ROWS).flatMap(({ modelTypes }) => modelTypes);
	throw new DakError("INVALID_MODEL", `config.json: /model_type: found ${JSON.stringify(modelType)}; allowed: ${allowed.join(", ")}`);
}

/** What an encoder's modules are called. */
export const layoutOf = (config: EncoderConfig): Layout => ROWS[config.architecture].layout(config);

const linearsOf = ({ attention, mixed, wide, narrow }: LayerLayout): LinearLayer[] => [...attention, mixed, ...wide, narrow];

/** The encoder's linear layers, in order. */
export const linearLayers = (config: EncoderConfig): LinearLayer[] => layoutOf(config).layers.flatMap(linearsOf);

/** Last part of a layer's path: what PEFT's target_modules name. */
export const moduleName = (path: string): string => path.slice(path.lastIndexOf(".") + 1);

/** The names of an encoder's linear layers, each once, in order. */
export const moduleNames = (config: EncoderConfig): string[] => [...new Set(linearLayers(config).map(({ path }) => moduleName(path)))];

/** Rows of the table of positions. */
export const positionRows = ({ maxPositions, positionOffset = 0 }: EncoderConfig): number => maxPositions + positionOffset;

/** Every norm's path and size. */
function normsOf(config: EncoderConfig): [string, number][] {
	const { embeddingNorm, finalNorm, layers } = layoutOf(config);
	const { hiddenSize, heads, headSize = hiddenSize / heads } = config;
	const ofStates = [embeddingNorm, ...layers.flatMap(({ attentionNorm, outputNorm }) => [attentionNorm, outputNorm]), finalNorm];
	const ofHeads = layers.flatMap(({ headNorms }) => (headNorms ? [headNorms.query, headNorms.key] : []));
	return [
		...ofStates.flatMap((path): [string, number][] => (path === undefined ? [] : [[path, hiddenSize]])),
		...ofHeads.map((path): [string, number] => [path, headSize]),
	];
}

/** Names and shapes of the tensors that are neither the word embeddings nor a linear layer's: tables and norms. */
export function plainTensors(config: EncoderConfig): Map<string, readonly number[]> {
	const { positions, types, relative, normBias } = layoutOf(config);
	const { hiddenSize, typeVocabSize, relativeBuckets = 0, heads } = config;
	const tables: readonly (readonly [string | undefined, readonly number[]])[] = [
		[positions, [positionRows(config), hiddenSize]],
		[types, [typeVocabSize, hiddenSize]],
		[relative, [relativeBuckets, heads]],
	];
	return new Map([
		...tables.flatMap(([name, shape]): [string, readonly number[]][] => (name === undefined ? [] : [[name, shape]])),
		...normsOf(config).flatMap(([path, size]): [string, readonly number[]][] => [
			[`${path}.weight`, [size]],
			...(normBias ? ([[`${path}.bias`, [size]]] as [string, readonly number[]][]) : []),
		]),
	]);
}

/** Names and shapes of every tensor that a base model must have. */
export function tensorShapes(config: EncoderConfig): Map<string, readonly number[]> {
	const { words, linearBias } = layoutOf(config);
	return new Map<string, readonly number[]>([
		[words, [config.vocabSize, config.hiddenSize]],
		...plainTensors(config),
		...linearLayers(config).flatMap(({ path, inFeatures, outFeatures }): [string, readonly number[]][] => [
			[`${path}.weight`, [outFeatures, inFeatures]],
			...(linearBias ? ([[`${path}.bias`, [outFeatures]]] as [string, readonly number[]][]) : []),
		]),
	]);
}

/** What a job's batches will be like: token counts of its texts, in the order in which it will draw them. */
import type { TrainingText } from "@dak/shared/nn";
import { Random } from "@dak/shared/nn";
import type { Tokenizer } from "@dak/shared/tokenization";
import type { JobSettings } from "../jobs/index.js";
import { epochOrder, type Noise, totalSteps } from "../training/index.js";

export interface TextLengths {
	readonly texts: readonly string[];
	/** Ids of each text, up to the base's own limit. */
	readonly ids: readonly Int32Array[];
	/** Put before each text. */
	readonly prompt: string;
	readonly noise: Noise;
	/** Texts of the whole dataset. */
	readonly total: number;
}

/** Batches that are looked at: enough to meet the largest ones of long jobs. */
const MOST_BATCHES = 4000;

/** Token counts under a limit. */
const clipped = (ids: Int32Array, maxLength: number): number => Math.min(ids.length, maxLength);

export class Batches {
	readonly steps: number;
	readonly size: number;

	constructor(
		private readonly lengths: TextLengths,
		private readonly tokenizer: Tokenizer,
		private readonly settings: JobSettings,
	) {
		this.steps = totalSteps(settings, lengths.total);
		this.size = Math.min(settings.training.batch_size, lengths.texts.length);
	}

	/** The texts of the batch with most tokens, and of the one with the longest text: either may take most memory. */
	largest(): TrainingText[][] {
		const { max_length } = this.settings;
		let [most, longest] = [
			{ score: -1, batch: [] as number[] },
			{ score: -1, batch: [] as number[] },
		];
		for (const batch of this.#drawn()) {
			const sizes = batch.map((i) => clipped(this.lengths.ids[i]!, max_length));
			const tokens = sizes.reduce((sum, n) => sum + n, 0);
			const padded = batch.length * Math.max(...sizes);
			if (tokens > most.score) most = { score: tokens, batch };
			if (padded + tokens / 1e6 > longest.score) longest = { score: padded + tokens / 1e6, batch };
		}
		return (most.batch === longest.batch ? [most.batch] : [most.batch, longest.batch]).map((batch) => batch.map((i) => this.#text(i)));
	}

	/** A batch like most: its texts spread evenly over all lengths. */
	typical(): TrainingText[] {
		const byLength = this.lengths.ids.map((_, i) => i).sort((a, b) => this.lengths.ids[a]!.length - this.lengths.ids[b]!.length);
		return Array.from({ length: this.size }, (_, i) => this.#text(byLength[Math.floor(((i + 0.5) * byLength.length) / this.size)]!));
	}

	/** Rows of the corpus' own vocabulary; where only a sample was read, as Heaps' law goes on from it. */
	vocabularyRows(vocabSize: number): number {
		const { ids, total } = this.lengths;
		const half = new Set<number>();
		const all = new Set<number>();
		ids.forEach((text, i) => {
			for (const id of text.subarray(0, this.settings.max_length)) {
				all.add(id);
				if (i < ids.length / 2) half.add(id);
			}
		});
		if (total <= ids.length) return Math.min(all.size + 1, vocabSize);
		const exponent = Math.max(0, Math.log2(all.size / Math.max(1, half.size)));
		return Math.min(vocabSize, Math.round(all.size * (total / ids.length) ** exponent));
	}

	/** The batches that the job will draw; where only a sample was read, batches that are as likely. */
	*#drawn(): Generator<number[]> {
		const { seed, gradient_accumulation } = this.settings.training;
		const count = this.lengths.texts.length;
		const batches = Math.min(MOST_BATCHES, this.steps * gradient_accumulation);
		let [epoch, order] = [-1, [] as number[]];
		for (let index = 0; index < batches; index++) {
			yield Array.from({ length: this.size }, (_, i) => {
				const position = index * this.size + i;
				if (Math.floor(position / count) !== epoch) {
					epoch = Math.floor(position / count);
					order = epochOrder(count, epoch, seed);
				}
				return order[position % count]!;
			});
		}
	}

	#text(index: number): TrainingText {
		const { texts, ids, prompt, noise } = this.lengths;
		const { max_length, training } = this.settings;
		const clean = ids[index]!.subarray(0, max_length);
		const noisy = noise(texts[index]!, Random.for(training.seed, "noise", 0, index));
		return { noisy: this.tokenizer.encode(prompt + noisy, { maxLength: max_length }), clean, labels: clean };
	}
}

/** A tokenizer.json of SentencePiece's kind, as small as one can be. */
export function unigramTokenizer(): unknown {
	const pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁red", "▁hat", "▁wool", "r", "e", "d", "h", "a", "t", "▁"];
	return {
		version: "1.0",
		added_tokens: ["<s>", "<pad>", "</s>", "<unk>"].map((content, id) => ({ id, content, special: true })),
		normalizer: { type: "Sequence", normalizers: [{ type: "NFKC" }, { type: "Replace", pattern: { Regex: " {2,}" }, content: " " }] },
		pre_tokenizer: { type: "Metaspace", replacement: "▁", add_prefix_space: true },
		post_processor: {
			type: "TemplateProcessing",
			single: [
				{ SpecialToken: { id: "<s>", type_id: 0 } },
				{ Sequence: { id: "A", type_id: 0 } },
				{ SpecialToken: { id: "</s>", type_id: 0 } },
			],
			pair: [],
			special_tokens: { "<s>": { id: "<s>", ids: [0], tokens: ["<s>"] }, "</s>": { id: "</s>", ids: [2], tokens: ["</s>"] } },
		},
		decoder: { type: "Metaspace", replacement: "▁", add_prefix_space: true },
		model: { type: "Unigram", unk_id: 3, vocab: pieces.map((piece, i) => [piece, -i / 2]) },
	};
}

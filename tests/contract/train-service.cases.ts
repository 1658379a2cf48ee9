/** One case a way in which a request to train-service can be wrong: both protocols must refuse it for the same reason. */
import type { Reason } from "@dak/shared/errors";

export interface JobCase {
	readonly name: string;
	/** What is sent in place of, or beside, the fields of a good job. */
	readonly change: Readonly<Record<string, unknown>>;
	readonly reason: Reason;
	/** JSON pointer of the field that the answer must name; undefined where there is none. */
	readonly pointer?: string;
	/** Must be in the message: what was found, what is allowed. */
	readonly says: readonly (string | RegExp)[];
	/** Protobuf has no way to say this. */
	readonly restOnly?: boolean;
}

export const BAD_JOBS: readonly JobCase[] = [
	{ name: "no base model", change: { base_model: undefined }, reason: "INVALID_REQUEST", pointer: "/base_model", says: [] },
	{ name: "no dataset", change: { dataset: undefined }, reason: "INVALID_REQUEST", pointer: "/dataset", says: ["exactly one of"] },
	{ name: "an empty dataset", change: { dataset: { texts: [] } }, reason: "INVALID_REQUEST", pointer: "/dataset/texts", says: [">=1"] },
	{
		name: "one text",
		change: { dataset: { texts: ["red hat"] } },
		reason: "INVALID_DATASET",
		pointer: "/dataset",
		says: ["found 1", "at least 2"],
	},
	{
		name: "the same text twice",
		change: { dataset: { texts: ["red hat", " red  hat "] } },
		reason: "INVALID_DATASET",
		pointer: "/dataset",
		says: ["found 1"],
	},
	{
		name: "nothing but blanks",
		change: { dataset: { texts: ["", "  ", "\t"] } },
		reason: "INVALID_DATASET",
		pointer: "/dataset",
		says: ["found 0"],
	},
	{
		name: "a text over the limit",
		change: { dataset: { texts: ["a", "b".repeat(5000)] } },
		reason: "INVALID_DATASET",
		pointer: "/dataset",
		says: ["4096"],
	},
	{ name: "an unknown upload", change: { dataset: { upload: "ds_0" } }, reason: "DATASET_NOT_FOUND", says: ["ds_0"] },
	{ name: "an upload outside the store", change: { dataset: { upload: "../jobs.db" } }, reason: "PERMISSION_DENIED", says: ["../jobs.db"] },
	{
		name: "a file that is not there",
		change: { dataset: { path: "no.txt" } },
		reason: "INVALID_DATASET",
		pointer: "/dataset/path",
		says: ["no.txt"],
	},
	{ name: "a file outside the data root", change: { dataset: { path: "../jobs.db" } }, reason: "PERMISSION_DENIED", says: ["../jobs.db"] },
	{ name: "an absolute path", change: { dataset: { path: "/etc/passwd" } }, reason: "PERMISSION_DENIED", says: ["/etc/passwd"] },
	{ name: "a link out of the data root", change: { dataset: { path: "link.txt" } }, reason: "PERMISSION_DENIED", says: ["link.txt"] },
	{ name: "a binary file", change: { dataset: { path: "binary.txt" } }, reason: "INVALID_DATASET", pointer: "/dataset", says: ["NUL"] },
	{
		name: "a file that is not UTF-8",
		change: { dataset: { path: "latin1.txt" } },
		reason: "INVALID_DATASET",
		pointer: "/dataset",
		says: ["UTF-8"],
	},
	{ name: "an empty file", change: { dataset: { path: "empty.txt" } }, reason: "INVALID_DATASET", pointer: "/dataset", says: ["found 0"] },
	{
		name: "a column that is not there",
		change: { dataset: { path: "table.csv" }, text_column: "titel" },
		reason: "INVALID_DATASET",
		pointer: "/text_column",
		says: ["titel", "title", "price"],
	},
	{ name: "an unknown base model", change: { base_model: "no-such-model" }, reason: "MODEL_NOT_FOUND", says: ["no-such-model"] },
	{ name: "a base model outside its folder", change: { base_model: "../../etc" }, reason: "MODEL_NOT_FOUND", says: ["../../etc"] },
	{ name: "a base model with truncated weights", change: { base_model: "truncated" }, reason: "INVALID_MODEL", says: [] },
	{ name: "a base model whose weights are no safetensors", change: { base_model: "mislabelled" }, reason: "INVALID_MODEL", says: [] },
	{
		name: "a negative learning rate",
		change: { training: { learning_rate: -0.1 } },
		reason: "INVALID_REQUEST",
		pointer: "/training/learning_rate",
		says: ["-0.1", ">0"],
	},
	{
		name: "a rank over the hidden size",
		change: { lora: { r: 385 } },
		reason: "INVALID_REQUEST",
		pointer: "/lora/r",
		says: ["found 385", "384"],
	},
	{ name: "rank 0", change: { lora: { r: 0 } }, reason: "INVALID_REQUEST", pointer: "/lora/r", says: ["found 0", ">=1"] },
	{
		name: "a length over the model's",
		change: { max_length: 513 },
		reason: "INVALID_REQUEST",
		pointer: "/max_length",
		says: ["found 513"],
	},
	{
		name: "texts without a letter",
		change: { dataset: { texts: ["12 34", "5,6"] } },
		reason: "INVALID_DATASET",
		pointer: "/dataset",
		says: ["without a single letter", "allowed"],
	},
	{
		name: "a hub data set that is none",
		change: { dataset: { hub: "titles" } },
		reason: "INVALID_DATASET",
		pointer: "/dataset/hub",
		says: ["titles", "owner/name"],
	},
	{
		name: "a template without a column",
		change: { text_template: "title" },
		reason: "INVALID_REQUEST",
		pointer: "/text_template",
		says: ["no column"],
	},
	{
		name: "a template with a column that is not there",
		change: { dataset: { path: "table.csv" }, text_template: "{brand} {title}" },
		reason: "INVALID_DATASET",
		pointer: "/text_template",
		says: ["brand", "title", "price"],
	},
	{
		name: "a column beside a template",
		change: { text_column: "title", text_template: "{title}" },
		reason: "INVALID_REQUEST",
		pointer: "/text_template",
		says: ["exclude"],
	},
	{
		name: "an unknown normal form",
		change: { preparation: { unicode: "nfd" } },
		reason: "INVALID_REQUEST",
		pointer: "/preparation/unicode",
		says: ["nfd", "nfkc"],
	},
	{
		name: "a mixture without parts",
		change: { noise: { kind: "mixture" } },
		reason: "INVALID_REQUEST",
		pointer: "/noise",
		says: ["mixture"],
	},
	{
		name: "an unknown kind",
		change: { noise: { kind: "gauss" } },
		reason: "INVALID_REQUEST",
		pointer: "/noise/kind",
		says: ["gauss", "delete"],
	},
	{
		name: "an unknown loss",
		change: { objective: { simcse: 1 } },
		reason: "INVALID_REQUEST",
		pointer: "/objective/simcse",
		says: ["unknown"],
	},
	{
		name: "a share of whitening above the whole",
		change: { objective: { anchor_whitening: 1.5 } },
		reason: "INVALID_REQUEST",
		pointer: "/objective/anchor_whitening",
		says: ["1.5"],
	},
	{
		name: "ONNX files of what has a Dense module",
		change: { goal: "same_item", output: { onnx: true } },
		reason: "INVALID_REQUEST",
		pointer: "/output/onnx",
		says: ["Dense", "output_whitening 0"],
	},
	{
		name: "an unknown layer",
		change: { lora: { target_modules: ["q_proj"] } },
		reason: "INVALID_REQUEST",
		pointer: "/lora/target_modules/0",
		says: ["q_proj", "all-linear, query"],
	},
	{
		name: "an adapter name that is a path",
		change: { adapter_name: "../evil" },
		reason: "INVALID_REQUEST",
		pointer: "/adapter_name",
		says: ["../evil", "letters"],
	},
	{ name: "an unknown adapter to go on from", change: { init_adapter: "nobody" }, reason: "ADAPTER_NOT_FOUND", says: ["nobody"] },
	{
		name: "a feature that is not there yet",
		change: { output: { adapter: false } },
		reason: "NOT_IMPLEMENTED",
		pointer: "/output/adapter",
		says: ["not implemented yet", "allowed: true"],
	},
	{
		name: "an unknown field",
		change: { learning_rate: 1 },
		reason: "INVALID_REQUEST",
		pointer: "/learning_rate",
		says: ["unknown"],
		restOnly: true,
	},
	{
		name: "two sources of texts",
		change: { dataset: { texts: ["a", "b"], path: "a.txt" } },
		reason: "INVALID_REQUEST",
		pointer: "/dataset",
		says: ["exactly one of"],
		restOnly: true,
	},
	{
		name: "a number among the texts",
		change: { dataset: { texts: ["a", 7] } },
		reason: "INVALID_REQUEST",
		pointer: "/dataset/texts/1",
		says: ["found 7"],
		restOnly: true,
	},
	{
		name: "a string for a number",
		change: { training: { epochs: "many" } },
		reason: "INVALID_REQUEST",
		pointer: "/training/epochs",
		says: ["many"],
		restOnly: true,
	},
];

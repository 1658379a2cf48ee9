/** What is asked of the thread that reads strangers' files, and what it answers. */
import type { FieldViolation, Reason } from "@dak/shared/errors";
import type { DatasetFile, ReadOptions } from "../formats/index.js";
import type { BaseTokenizer, Outputs, PreparationOptions } from "../prepare/index.js";
import type { TextSample } from "../sample.js";
import type { DatasetStatistics } from "../statistics/index.js";

export type PreparationRequest =
	| { readonly kind: "inspect"; readonly files: readonly DatasetFile[]; readonly read: ReadOptions }
	| {
			readonly kind: "sample";
			readonly files: readonly DatasetFile[];
			readonly read: ReadOptions;
			readonly bytes: number;
			readonly limit: number;
	  }
	| {
			readonly kind: "prepare";
			readonly files: readonly DatasetFile[];
			readonly read: ReadOptions;
			readonly outputs: Outputs;
			readonly options: PreparationOptions;
			readonly base: BaseTokenizer | undefined;
	  };

export type PreparationReply =
	/** Texts came since the last reply; sent once a second at most while files are read. */
	| { readonly kind: "reading" }
	/** All texts are read; what follows is this program's own work. */
	| { readonly kind: "read" }
	| { readonly kind: "done"; readonly statistics?: DatasetStatistics | undefined; readonly sample?: TextSample | undefined }
	| {
			readonly kind: "failed";
			readonly reason: Reason;
			readonly message: string;
			readonly fields: readonly FieldViolation[];
			readonly cause: string;
	  };

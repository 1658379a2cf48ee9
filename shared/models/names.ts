/** What a reference to a base model can mean: a folder of this machine, and a model of the hub. */

export interface ModelName {
	/** Its place below the models directory. */
	readonly folder: string;
	/** `organisation/name`. */
	readonly hubId: string;
}

const PLAIN = "sentence-transformers";
const PART = "[A-Za-z0-9][A-Za-z0-9._-]{0,95}";
const NAME = new RegExp(`^(?:(${PART})/)?(${PART})$`);

/**
 * Reads `name` or `organisation/name`; nothing for what is neither, a path among them. A plain name is one of
 * sentence-transformers' models, as that library has it: `all-MiniLM-L6-v2` and `sentence-transformers/all-MiniLM-L6-v2` are one.
 */
export function modelName(ref: string): ModelName | undefined {
	const match = NAME.exec(ref);
	if (!match || ref.includes("..")) return undefined;
	const [, organisation = PLAIN, name] = match;
	return { folder: organisation === PLAIN ? name! : `${organisation}/${name}`, hubId: `${organisation}/${name}` };
}

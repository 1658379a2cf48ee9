/** REST's JSON types, made from the generated messages: proto/ stays the one source, and a new field appears by itself. */
import type { Timestamp } from "@bufbuild/protobuf/wkt";

/** maxSteps → max_steps */
export type SnakeCase<S extends string> = S extends `${infer Head}${infer Rest}`
	? Head extends Lowercase<Head>
		? `${Head}${SnakeCase<Rest>}`
		: `_${Lowercase<Head>}${SnakeCase<Rest>}`
	: S;

/** A message as REST writes it: snake_case names, times as ISO strings, 64-bit integers as numbers. */
export type JsonOf<T> = T extends bigint
	? number
	: T extends Timestamp
		? string
		: T extends readonly (infer E)[]
			? JsonOf<E>[]
			: T extends object
				? { [K in keyof T as K extends `$${string}` ? never : SnakeCase<K & string>]: JsonOf<T[K]> }
				: T;

/** The same with every field optional, as requests may be. */
export type Loose<T> = T extends readonly unknown[] ? T : T extends object ? { [K in keyof T]?: Loose<T[K]> } : T;

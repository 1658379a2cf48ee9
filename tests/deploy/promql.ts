/** What a PromQL expression asks for, read from its syntax tree. */
import type { SyntaxNode } from "@lezer/common";
import { parser } from "@prometheus-io/lezer-promql";

/** A metric as an expression selects it. */
export interface Selection {
	readonly metric: string;
	/** Labels that are matched. */
	readonly labels: readonly string[];
}

/** An aggregation or a vector match, with the labels it names and the metrics below it. */
export interface Grouping {
	readonly labels: readonly string[];
	readonly metrics: readonly string[];
}

export interface Query {
	readonly selections: readonly Selection[];
	readonly groupings: readonly Grouping[];
}

/** Grafana's macros as it fills them in. */
function fillIn(expression: string): string {
	return expression.replaceAll("$__rate_interval", "1m").replaceAll("$__interval", "15s").replaceAll("$__range", "1h");
}

function nodes(from: SyntaxNode, name: string): SyntaxNode[] {
	const found: SyntaxNode[] = [];
	from.cursor().iterate((at) => {
		if (at.name === name) found.push(at.node);
	});
	return found;
}

/** @throws Error with the place where an expression is not PromQL */
export function parseQuery(expression: string): Query {
	const source = fillIn(expression);
	const root = parser.parse(source).topNode;
	root.cursor().iterate(({ type, from }) => {
		if (type.isError) throw new Error(`not PromQL at ${from}: ${source.slice(from, from + 40) || "the end"} in ${expression}`);
	});
	const text = ({ from, to }: SyntaxNode) => source.slice(from, to);
	const names = (node: SyntaxNode) => nodes(node, "LabelName").map(text);
	const metrics = (node: SyntaxNode) => nodes(node, "Identifier").map(text);
	return {
		selections: nodes(root, "VectorSelector").map((node) => ({ metric: metrics(node)[0] ?? "", labels: names(node) })),
		groupings: nodes(root, "GroupingLabels").map((node) => ({ labels: names(node), metrics: metrics(node.parent!.parent!) })),
	};
}

/** The parts of a dashboard variable's `label_values(selector, label)`. */
export function parseLabelValues(definition: string): { readonly selector: string; readonly label: string } {
	const [, selector, label] = /^label_values\((.+),\s*(\w+)\)$/.exec(definition) ?? [];
	if (selector === undefined || label === undefined) throw new Error(`not a label_values query: ${definition}`);
	return { selector, label };
}

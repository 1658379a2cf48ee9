/** Where the services are, and what the examples search. */
export const trainUrl = process.env.DAK_TRAIN_URL ?? "http://127.0.0.1:8080";
export const embedUrl = process.env.DAK_EMBED_URL ?? "http://127.0.0.1:8081";
export const trainGrpc = process.env.DAK_TRAIN_GRPC ?? "127.0.0.1:50051";
/** Unset: the base model alone. */
export const adapter = process.env.DAK_ADAPTER || undefined;

export const TEXTS = [
	"Socket head cap screw M8x40, stainless A2, DIN 912",
	"Hexagon head bolt M8x40, 8.8 zinc plated, DIN 931",
	"O-ring 8x2, NBR 70 Shore",
	"Ball valve 1/2 inch, brass, PN25",
];
export const QUERY = "allen bolt m8 x 40 inox";

/** Cosine of two vectors. */
export function cosine(a, b) {
	const dot = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);
	return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

/** Prints texts by their score, best first. */
export function printRanked(title, scores) {
	console.log(title);
	const ranked = TEXTS.map((text, i) => ({ text, score: scores[i] })).sort((a, b) => b.score - a.score);
	for (const { text, score } of ranked) console.log(`  ${score.toFixed(4)}  ${text}`);
}

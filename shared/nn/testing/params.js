/** Parameters that tests share with the golden values of tests/fixtures/golden (params.py there) without storing them. */
import { Random } from "../../random/index.js";

/** FNV-1a, 32 bits, of a text's UTF-8 bytes. */
function fnv1a(text) {
	let hash = 0x811c9dc5;
	for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
	return hash;
}
/** `count` values in [−scale, scale), fixed by the name: bit-equal to params.py's `param`. */
export function seededParameter(name, count, scale) {
	const random = new Random(fnv1a(name));
	return Float32Array.from({ length: count }, () => (random.next() - 0.5) * 2 * scale);
}
//# sourceMappingURL=params.js.map

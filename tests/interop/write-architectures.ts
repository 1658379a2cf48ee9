/**
 * Writes the tiny models of tests/fixtures/architectures as folders, for make-adapter.ts, write-outputs.ts and check_outputs.py:
 *   npx tsx --conditions=@dak/source tests/interop/write-architectures.ts DIR
 */
import { join } from "node:path";
import { FIXTURE_MODELS, writeArchitecture } from "../../shared/nn/testing/architecture.js";

const [out] = process.argv.slice(2);
if (!out) throw new Error("DIR");
for (const name of FIXTURE_MODELS) console.log(writeArchitecture(join(out, name), name));

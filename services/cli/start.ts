import { up } from "./up.js";

process.exit(await up());

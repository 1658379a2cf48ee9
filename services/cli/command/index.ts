export { Cli, type Io } from "./cli.js";
export { type Connection, withConnection } from "./connection.js";
export { EXIT, Interrupted, tell } from "./failure.js";
export { asCount, asNumber, type LeafOptions, leaf } from "./leaf.js";
export { table } from "./table.js";

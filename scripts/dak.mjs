#!/usr/bin/env node
process.argv.splice(2, 0, "dak");
await import("./run.mjs");

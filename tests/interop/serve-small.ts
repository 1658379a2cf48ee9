/** Both services over a small base model, for programs that test them from outside: prints where they listen, ends on a signal. */
import { startBoth } from "../fuzz/services.js";

const { train, embed, stop } = await startBoth();
console.log(JSON.stringify({ train: train.restPort, embed: embed.restPort }));
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void stop().then(() => process.exit(0)));

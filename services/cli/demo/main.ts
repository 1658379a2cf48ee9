import { demoCommand } from "./command.js";

await demoCommand().parseAsync();

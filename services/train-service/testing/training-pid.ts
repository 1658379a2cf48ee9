import { execFileSync } from "node:child_process";

/** The training process that a process has started. */
export function trainingPidOf(parent: number): number {
	const rows = execFileSync("ps", ["-A", "-o", "pid=,ppid=,args="], { encoding: "utf8" }).split("\n");
	const fields = rows.map((row) => row.trim().split(/\s+/));
	const found = fields.find(([, ppid, ...args]) => Number(ppid) === parent && args.join(" ").includes("training/process"));
	if (!found) throw new Error(`process ${parent} has no training process`);
	return Number(found[0]);
}

/** How much memory jobs may take here. */
import { freemem, totalmem } from "node:os";
import type { DeviceKind } from "@dak/shared/runtime";

const MIB = 2 ** 20;
/** Left to the service itself and the system. */
const SHARE = 0.9;

/** What a GPU's driver last said; undefined where there is none. */
export type DeviceMemory = () => { readonly totalBytes: number; readonly usedBytes: number } | undefined;

/** The container's or the machine's memory, whichever is less. */
function hostBytes(): number {
	// Node gives 0, or more than there is, where nothing is limited.
	const constrained = process.constrainedMemory?.() ?? 0;
	return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

export interface LimitOptions {
	readonly device: DeviceKind;
	/** DAK_TRAIN_MEMORY. */
	readonly settingMib: number | undefined;
	readonly deviceMemory: DeviceMemory;
}

/** Most that jobs may hold together, on an empty device: what can never fit is above it. */
export function memoryLimit({ device, settingMib, deviceMemory }: LimitOptions): number {
	if (settingMib !== undefined) return settingMib * MIB;
	const total = device === "cpu" ? hostBytes() : (deviceMemory()?.totalBytes ?? hostBytes());
	return Math.floor(SHARE * total);
}

/** Most that jobs may hold together now: what others than our jobs use is not ours. `heldBytes`: what our running jobs hold. */
export function memoryBudget(options: LimitOptions, heldBytes: number): number {
	const limit = memoryLimit(options);
	if (options.settingMib !== undefined) return limit;
	const reading = options.device === "cpu" ? undefined : options.deviceMemory();
	const free = reading ? reading.totalBytes - reading.usedBytes : freemem();
	return Math.min(limit, free + heldBytes);
}

/** GPUs of this machine that the engine can run on. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { chooseDevice, type DeviceKind } from "@dak/shared/runtime";

export interface FoundDevice {
	readonly kind: DeviceKind;
	readonly name: string;
}

export interface Detection {
	readonly devices: readonly FoundDevice[];
	/** Why a provider has no device here. */
	readonly absent: Readonly<Record<string, string>>;
}

/** The card's name and driver, where nvidia-smi is. */
function nvidiaName(): string | undefined {
	try {
		const query = ["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"];
		return execFileSync("nvidia-smi", query, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], timeout: 10_000 }).trim();
	} catch {
		return undefined;
	}
}

/** Whether Vulkan, Metal or Direct3D may have a real GPU: a software driver's speed says nothing. */
function webgpuState(): string | undefined {
	if (/swiftshader|lvp_icd/.test(process.env.VK_ICD_FILENAMES ?? "")) return "VK_ICD_FILENAMES names a software driver";
	if (process.platform !== "linux") return undefined;
	const renders = existsSync("/dev/dri") && readdirSync("/dev/dri").some((name) => name.startsWith("renderD"));
	return renders || existsSync("/dev/nvidiactl") ? undefined : "there is neither /dev/dri/renderD* nor an NVIDIA driver";
}

export function detectGpus(): Detection {
	const devices: FoundDevice[] = [];
	const absent: Record<string, string> = {};
	const name = nvidiaName();
	const auto = chooseDevice("auto");
	if (auto.kind === "cuda") devices.push({ kind: "cuda", name: name ?? "NVIDIA GPU" });
	else absent.cuda = auto.why;
	const without = webgpuState();
	if (without === undefined) devices.push({ kind: "webgpu", name: name ?? "the default adapter" });
	else absent.webgpu = without;
	return { devices, absent };
}

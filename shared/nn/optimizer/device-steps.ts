/**
 * Training steps whose state stays on the device. The host's parameters and moments (an AdamW and its arrays) are where
 * they start from and, after `sync`, where they end up, to be saved or measured.
 */
import { DeviceTensors, download, type Feeds, float32, int64, Session, type SessionOptions, type Tensor } from "../../runtime/index.js";
import type { ParameterGroup } from "../parameters.js";
import type { TrainingStep } from "../training-step.js";
import type { AdamW } from "./adamw.js";
import { buildDeviceModel, type DeviceModel, stateNames } from "./device-model.js";
import { STATE_PARTS, scheduleRow } from "./emit-adamw.js";
import { flatten, unflatten } from "./flat-state.js";
import { stackBatches } from "./stacked-batches.js";

export interface DeviceStepsOptions {
	readonly session: SessionOptions;
	/** Feeds that are the same in every step. Borrowed. */
	readonly constants: Feeds;
	/** Where the state comes from and goes to. Borrowed. */
	readonly optimizer: AdamW;
	readonly maxGradNorm: number;
}

/** One step: its batch's feeds, and the learning rate of each group. */
export interface StepInput {
	readonly feeds: Feeds;
	readonly rates: Readonly<Record<ParameterGroup, number>>;
}

export interface StepNumbers {
	readonly loss: number;
	readonly parts: Readonly<Record<string, number>>;
	/** Before clipping. */
	readonly gradNorm: number;
}

/** WebGPU's provider has no Loop of its own, so a loop's state would go through the host; it binds buffers instead. */
const formFor = (device: SessionOptions["device"]): "single" | "loop" => (device.kind === "webgpu" ? "single" : "loop");

export class DeviceSteps {
	#taken = 0;
	#state: Feeds = {};
	/** What the state was copied to the device with: owned, and needed as long as its tensors. */
	#loaded: DeviceTensors | undefined;

	private constructor(
		private readonly options: DeviceStepsOptions,
		private readonly step: TrainingStep,
		private readonly device: DeviceModel,
		private readonly session: Session,
		/** Constants where they are bound: owned. */
		private readonly bound: DeviceTensors | undefined,
	) {}

	/** @throws RUNTIME_FAILED if the graph does not compile or the device has too little memory */
	static async create(step: TrainingStep, options: DeviceStepsOptions): Promise<DeviceSteps> {
		const { session: sessionOptions, constants, optimizer, maxGradNorm } = options;
		const form = formFor(sessionOptions.device);
		const names = new Set(Object.keys(constants));
		const device = buildDeviceModel(step, { form, constants: names, adamw: optimizer.options, maxGradNorm });
		const bound = form === "single" ? await DeviceTensors.upload(constants, plain(sessionOptions)) : undefined;
		const resident = bound && Object.keys(hostState(device, optimizer)).map((name) => `${name}.next`);
		const session = await Session.create(device.model, { ...sessionOptions, resident });
		const steps = new DeviceSteps(options, step, device, session, bound);
		await steps.load();
		return steps;
	}

	/** Copies the state from the optimiser and its parameters, in place of what the device has. */
	async load(): Promise<void> {
		const { optimizer, session } = this.options;
		const host = hostState(this.device, optimizer);
		await this.#release();
		if (this.bound) this.#loaded = await DeviceTensors.upload(host, plain(session));
		this.#state = this.#loaded?.tensors ?? host;
		this.#taken = optimizer.steps;
	}

	/** Takes steps, in order. In the loop form one call runs them all; finite or not, their numbers are handed back. */
	async run(steps: readonly StepInput[]): Promise<readonly StepNumbers[]> {
		if (!this.bound) return this.#loop(steps);
		const numbers = [];
		for (const step of steps) numbers.push(await this.#single(step));
		return numbers;
	}

	/** Copies the state back into the optimiser and its parameters. */
	async sync(): Promise<void> {
		const { optimizer, session } = this.options;
		const host = this.bound ? await download(this.#state, plain(session)) : this.#state;
		for (const group of this.device.groups) {
			const names = stateNames(group);
			const flat = (part: (typeof STATE_PARTS)[number]) => host[names[part]]!.data as Float32Array;
			unflatten(group, flat("parameters"), optimizer.parameters);
			for (const part of ["first", "second"] as const) {
				unflatten(
					group,
					flat(part),
					optimizer.moments.map((moments) => moments[part]),
				);
			}
		}
		optimizer.steps = this.#taken;
	}

	endProfiling(): void {
		this.session.endProfiling();
	}

	async dispose(): Promise<void> {
		await this.#release();
		await this.session.dispose();
		await this.bound?.dispose();
	}

	async #release(): Promise<void> {
		if (this.bound) disposeAll(this.#state);
		await this.#loaded?.dispose();
		this.#state = {};
		this.#loaded = undefined;
	}

	async #loop(steps: readonly StepInput[]): Promise<readonly StepNumbers[]> {
		const rows = steps.map((step, i) => this.#schedule(step, i + 1));
		const outputs = await this.session.run({
			...this.options.constants,
			...this.#state,
			...stackBatches(
				this.device.batch.map(({ name }) => name),
				steps.map(({ feeds }) => feeds),
			),
			steps: int64(BigInt64Array.of(BigInt(steps.length)), []),
			schedule: float32(Float32Array.from(rows.flat()), [rows.length, rows[0]!.length]),
		});
		this.#advance(outputs, steps.length);
		return steps.map((_, i) => this.#numbers(outputs, i));
	}

	async #single(step: StepInput): Promise<StepNumbers> {
		const row = this.#schedule(step, 1);
		const schedule = float32(Float32Array.from(row), [row.length]);
		const outputs = await this.session.run({ ...this.bound!.tensors, ...this.#state, ...step.feeds, schedule });
		const before = this.#state;
		this.#advance(outputs, 1);
		disposeAll(before);
		return this.#numbers(outputs, 0);
	}

	#schedule({ rates }: StepInput, ahead: number): number[] {
		const { groups } = this.device;
		return scheduleRow(
			this.#taken + ahead,
			groups.map(({ group }) => rates[group]),
			this.options.optimizer.options,
		);
	}

	#advance(outputs: Feeds, steps: number): void {
		this.#taken += steps;
		this.#state = Object.fromEntries(Object.keys(this.#state).map((name) => [name, outputs[`${name}.next`]!]));
	}

	#numbers(outputs: Feeds, i: number): StepNumbers {
		const number = (name: string) => Number(outputs[name]!.data[i]);
		const parts = Object.fromEntries(this.step.parts.map((part) => [part, number(`loss.${part}`)]));
		return { loss: number("loss"), parts, gradNorm: number("gradient_norm") };
	}
}

/** Copies move no profile, and keep nothing of their own. */
const plain = (options: SessionOptions): SessionOptions => ({ ...options, resident: undefined, profilePrefix: undefined });

function disposeAll(tensors: Feeds): void {
	for (const tensor of Object.values(tensors)) tensor.dispose();
}

function hostState({ groups }: DeviceModel, { parameters, moments }: AdamW): Record<string, Tensor> {
	const arrays = { parameters, first: moments.map(({ first }) => first), second: moments.map(({ second }) => second) };
	return Object.fromEntries(
		groups.flatMap((group) => STATE_PARTS.map((part) => [stateNames(group)[part], float32(flatten(group, arrays[part]), [group.size])])),
	);
}

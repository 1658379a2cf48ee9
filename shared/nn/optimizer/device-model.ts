/**
 * A training step with its update, so that parameters and moments never leave the device between steps. Two forms of one
 * body: `single` takes one step, its state in and out as inputs and outputs (bound to device memory by the caller);
 * `loop` takes as many steps in a call as it is given batches, its state carried from one to the next by an ONNX Loop.
 */
import { type DType, Emitter, emitGraph, modelBytes, type Value, valueInfo } from "../../graph/index.js";
import type { TrainingStep } from "../training-step.js";
import type { AdamWOptions } from "./adamw.js";
import { emitClipScale, emitFlatGradient, emitNorm, emitParameters, emitUpdate, STATE_PARTS, type StateNames } from "./emit-adamw.js";
import { type FlatGroup, flatGroups } from "./flat-state.js";

export interface DeviceModelOptions {
	readonly form: "single" | "loop";
	/** Inputs of the step that are the same in every run. */
	readonly constants: ReadonlySet<string>;
	readonly adamw: AdamWOptions;
	readonly maxGradNorm: number;
}

export interface DeviceModel {
	readonly model: Uint8Array;
	readonly groups: readonly FlatGroup[];
	/** Inputs that each batch is fed as. */
	readonly batch: readonly Value[];
	/** Numbers of a step: the loss, its parts, the gradient's norm. Outputs of these names; in a loop, one row a step. */
	readonly numbers: readonly string[];
}

/** Names of a group's state; what an update makes of it has `.next` behind. */
export const stateNames = ({ group }: FlatGroup): StateNames => ({
	parameters: `state.${group}.parameters`,
	first: `state.${group}.first`,
	second: `state.${group}.second`,
});

/** Inputs of a loop that hold a batch input's values over all steps: laid end to end, where each begins, and its shape. */
export const stackedNames = (name: string) => ({ values: `${name}.values`, starts: `${name}.starts`, dims: `${name}.dims` });

export function buildDeviceModel(step: TrainingStep, options: DeviceModelOptions): DeviceModel {
	return new DeviceModelBuilder(step, options).build();
}

class DeviceModelBuilder {
	private readonly groups: readonly FlatGroup[];
	private readonly batch: readonly Value[];
	private readonly numbers: readonly string[];

	constructor(
		private readonly step: TrainingStep,
		private readonly options: DeviceModelOptions,
	) {
		const parameters = new Set(step.parameters.map(({ name }) => name));
		this.groups = flatGroups(step.parameters);
		this.batch = step.graph.inputs.filter(({ name }) => !parameters.has(name) && !options.constants.has(name));
		this.numbers = ["loss", ...step.parts.map((part) => `loss.${part}`), "gradient_norm"];
	}

	build(): DeviceModel {
		const emitter = new Emitter((hint) => this.step.graph.fresh(hint));
		const { groups, batch, numbers } = this;
		return { model: this.options.form === "loop" ? this.loop(emitter) : this.single(emitter), groups, batch, numbers };
	}

	private get scheduleSize(): number {
		return 1 + 2 * this.groups.length;
	}

	private constants() {
		return this.step.graph.inputs.filter(({ name }) => this.options.constants.has(name));
	}

	/** Declarations of the state, under a suffix. */
	private state(suffix = "") {
		return this.groups.flatMap((group) =>
			STATE_PARTS.map((part) => valueInfo(`${stateNames(group)[part]}${suffix}`, "float32", [group.size])),
		);
	}

	private single(e: Emitter): Uint8Array {
		const next = this.body(e, stateNames, "schedule");
		for (const [i, group] of this.groups.entries()) {
			for (const part of STATE_PARTS) e.node("Identity", [next.state[i]![part]], { outputs: [`${stateNames(group)[part]}.next`] });
		}
		for (const [i, name] of this.numbers.entries()) e.node("Identity", [next.numbers[i]!], { outputs: [name] });
		const declare = ({ name, dtype, shape }: Value) => valueInfo(name, dtype, shape);
		return modelBytes(
			"device_step",
			e,
			[
				...this.constants().map(declare),
				...this.state(),
				...this.batch.map(declare),
				valueInfo("schedule", "float32", [this.scheduleSize]),
			],
			[...this.state(".next"), ...this.numbers.map((name) => valueInfo(name, "float32", []))],
		);
	}

	private loop(e: Emitter): Uint8Array {
		const [i, going] = [e.fresh("step"), e.fresh("going")];
		// A body's names are its own: the state goes by others inside.
		const inside = (group: FlatGroup): StateNames => {
			const { parameters, first, second } = stateNames(group);
			return { parameters: `${parameters}.at`, first: `${first}.at`, second: `${second}.at` };
		};
		const inputs = [valueInfo(i, "int64", []), valueInfo(going, "bool", []), ...this.state(".at")];
		const body = e.subgraph("training_steps", inputs, (b) => {
			const at = b.node("Reshape", [i, b.int64s([1])]);
			for (const input of this.batch) this.take(b, input, at);
			const row = b.node("Reshape", [b.node("Gather", ["schedule", at]), b.int64s([-1])]);
			const next = this.body(b, inside, row);
			return [
				valueInfo(b.node("Identity", [going]), "bool", []),
				...this.groups.flatMap((group, g) => STATE_PARTS.map((part) => valueInfo(next.state[g]![part], "float32", [group.size]))),
				...next.numbers.map((name) => valueInfo(b.node("Identity", [name]), "float32", [])),
			];
		});
		const states = this.groups.flatMap((group) => STATE_PARTS.map((part) => stateNames(group)[part]));
		e.node("Loop", ["steps", "", ...states], { attributes: { body }, outputs: [...states.map((name) => `${name}.next`), ...this.numbers] });
		return modelBytes(
			"device_steps",
			e,
			[
				valueInfo("steps", "int64", []),
				...this.constants().map(({ name, dtype, shape }) => valueInfo(name, dtype, shape)),
				...this.state(),
				...this.batch.flatMap((input) => this.stacked(input)),
				valueInfo("schedule", "float32", ["steps", this.scheduleSize]),
			],
			[...this.state(".next"), ...this.numbers.map((name) => valueInfo(name, "float32", ["steps"]))],
		);
	}

	private stacked({ name, dtype, shape }: Value) {
		const { values, starts, dims } = stackedNames(name);
		const info: [string, DType, (string | number)[]][] = [
			[values, dtype, [`${name}*`]],
			[starts, "int64", ["steps+1"]],
			[dims, "int64", ["steps", shape.length]],
		];
		return (shape.length === 0 ? info.slice(0, 1) : info).map(([input, type, of]) => valueInfo(input, type, of));
	}

	/** This step's part of a stacked input, under the input's own name. */
	private take(b: Emitter, { name, shape }: Value, at: string): void {
		const { values, starts, dims } = stackedNames(name);
		if (shape.length === 0) return void b.node("Reshape", [b.node("Gather", [values, at]), b.int64s([])], { outputs: [name] });
		const from = b.node("Gather", [starts, at]);
		const to = b.node("Gather", [starts, b.node("Add", [at, b.int64s([1])])]);
		const part = b.node("Slice", [values, from, to, b.int64s([0])]);
		b.node("Reshape", [part, b.node("Reshape", [b.node("Gather", [dims, at]), b.int64s([-1])])], { outputs: [name] });
	}

	/** Forward, backward, clipping and update. @param schedule this step's row. @shape [scheduleSize] */
	private body(e: Emitter, names: (group: FlatGroup) => StateNames, schedule: string) {
		const { step, groups } = this;
		for (const group of groups) emitParameters(e, group, names(group).parameters);
		emitGraph(step.graph, e);
		const outputs = new Map(step.graph.outputs.map(({ name, value }) => [name, value.name]));
		const gradientOf = (index: number) => outputs.get(`grad.${step.parameters[index]!.name}`)!;
		const gradients = groups.map((group) => emitFlatGradient(e, group, gradientOf));
		const norm = emitNorm(e, gradients);
		const clip = emitClipScale(e, norm, this.options.maxGradNorm);
		const number = (i: number) => e.node("Gather", [schedule, e.constant("int64", [], BigInt64Array.of(BigInt(i)))]);
		const root = number(0);
		const state = groups.map((group, g) => {
			const inputs = { gradient: gradients[g]!, clip, root, rate: number(1 + 2 * g), keep: number(2 + 2 * g) };
			return emitUpdate(e, names(group), inputs, this.options.adamw);
		});
		return { state, numbers: [...this.numbers.slice(0, -1).map((name) => outputs.get(name)!), norm] };
	}
}

/** The files that a job's or an upload's dataset consists of. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { jailedPath } from "@dak/shared/adapters";
import { DakError } from "@dak/shared/errors";
import type { HubDatasetFile } from "@dak/shared/models";
import { type DatasetFile, datasetFile, EXTENSIONS, formatByName } from "./formats/index.js";

const MOST_FILES = 10_000;

function wrongPath(detail: string): DakError {
	return new DakError("INVALID_DATASET", `/dataset/path: ${detail}`, { fields: [{ pointer: "/dataset/path", detail }] });
}

/** An upload's file. @throws DATASET_NOT_FOUND, PERMISSION_DENIED */
export function uploadedFiles(root: string, id: string): DatasetFile[] {
	const folder = jailedPath(root, id);
	const name = existsSync(folder) ? readdirSync(folder).find((entry) => entry.startsWith("source")) : undefined;
	if (!name) throw new DakError("DATASET_NOT_FOUND", `/dataset/upload: dataset ${JSON.stringify(id.slice(0, 64))} does not exist`);
	return [datasetFile(join(folder, name))];
}

/** A file below the data root, or all files of a known format in a folder. @throws INVALID_DATASET, PERMISSION_DENIED for what leads out of the root */
export function filesAt(root: string, path: string): DatasetFile[] {
	const place = jailedPath(root, path);
	if (!existsSync(place)) throw wrongPath(`found no file ${JSON.stringify(path.slice(0, 200))} below the data root`);
	if (!statSync(place).isDirectory()) return [datasetFile(place)];
	const files = filesIn(place);
	if (files.length === 0)
		throw wrongPath(
			`found no data file in the folder ${JSON.stringify(path.slice(0, 200))}; allowed: ${EXTENSIONS.join(", ")}, each also .gz or .zst`,
		);
	return files;
}

/** In the order of their names, folders within too; names that begin with a point or an underscore are no data, as elsewhere. */
export function filesIn(folder: string): DatasetFile[] {
	const names = readdirSync(folder, { recursive: true, encoding: "utf8" })
		.filter((name) => formatByName(name) !== undefined && !/(?:^|[\\/])[._]/.test(name))
		.sort();
	if (names.length > MOST_FILES) throw wrongPath(`found ${names.length} files, allowed: ${MOST_FILES} a folder`);
	// A link within the folder may lead anywhere.
	const paths = names.map((name) => jailedPath(folder, name)).filter((path) => statSync(path).isFile());
	return paths.map((path) => ({ ...datasetFile(path), label: relative(folder, path) }));
}

export const hubFiles = (files: readonly HubDatasetFile[]): DatasetFile[] =>
	files.map(({ path, place }) => ({ ...datasetFile(place, path), label: path }));

const TRAIN = /(?:^|[/._-])train(?:ing)?(?:[/._-]|$)/i;
const HELD_BACK = /(?:^|[/._-])(?:test|valid|validation|dev|eval|holdout)(?:[/._-]|$)/i;

/** Of a hub data set's files: those of the training split, where the names say which; else all that are not another split's. */
export function chooseHubFiles(paths: readonly string[]): string[] {
	const readable = paths.filter((path) => formatByName(path) !== undefined && !/(?:^|\/)[._]|requirements\.txt$/.test(path));
	const training = readable.filter((path) => TRAIN.test(path));
	return training.length > 0 ? training : readable.filter((path) => !HELD_BACK.test(path));
}

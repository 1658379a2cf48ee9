import { useEffect, useState } from "preact/hooks";
import { bytes } from "../format.js";

const FORMATS = ".txt,.jsonl,.ndjson,.csv,.tsv,.parquet,.gz,.zst";

interface Props {
	readonly file: File | undefined;
	readonly onFile: (file: File) => void;
}

/** Takes a file by mouse, anywhere on the page, or by keyboard. */
export function DropZone({ file, onFile }: Props) {
	const over = useDrop(onFile);
	return (
		<label class={`drop${over ? " over" : ""}`}>
			<input
				type="file"
				class="unseen"
				accept={FORMATS}
				onChange={(event) => {
					const chosen = event.currentTarget.files?.[0];
					event.currentTarget.value = "";
					if (chosen) onFile(chosen);
				}}
			/>
			<strong>{file ? file.name : "Drop a file of texts here, or choose one"}</strong>
			<span class="mute">
				{file
					? `${bytes(file.size)} · drop another to take its place`
					: "Plain text (a text a line), JSONL, CSV, TSV or Parquet; also packed as .gz or .zst"}
			</span>
		</label>
	);
}

/** The whole page takes the file: a drop beside the box would open it in place of the page. */
function useDrop(onFile: (file: File) => void): boolean {
	const [over, setOver] = useState(false);
	useEffect(() => {
		const hover = (event: DragEvent) => {
			if (!event.dataTransfer?.types.includes("Files")) return;
			event.preventDefault();
			setOver(true);
		};
		const leave = (event: DragEvent) => {
			if (event.relatedTarget === null) setOver(false);
		};
		const drop = (event: DragEvent) => {
			const dropped = event.dataTransfer?.files[0];
			if (!event.dataTransfer?.types.includes("Files")) return;
			event.preventDefault();
			setOver(false);
			if (dropped) onFile(dropped);
		};
		addEventListener("dragover", hover);
		addEventListener("dragleave", leave);
		addEventListener("drop", drop);
		return () => {
			removeEventListener("dragover", hover);
			removeEventListener("dragleave", leave);
			removeEventListener("drop", drop);
		};
	}, [onFile]);
	return over;
}

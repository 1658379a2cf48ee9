import { useEffect, useRef, useState } from "preact/hooks";
import { apiKey, onKeyNeeded, setApiKey } from "../api/key.js";
import { onSubmit } from "./on-submit.js";

interface Props {
	/** Opened by hand. */
	readonly asked: boolean;
	readonly onClose: () => void;
	readonly onChange: () => void;
}

/** Asks for the key, by hand or when a service wants one. */
export function KeyDialog({ asked, onClose, onChange }: Props) {
	const dialog = useRef<HTMLDialogElement>(null);
	const [why, setWhy] = useState("");
	const [key, setKey] = useState("");
	useEffect(() => {
		const open = (reason: string) => {
			setWhy(reason);
			setKey(apiKey());
			if (!dialog.current?.open) dialog.current?.showModal();
		};
		if (asked) open("");
		return onKeyNeeded(open);
	}, [asked]);
	const keep = (value: string) => {
		setApiKey(value);
		dialog.current?.close();
		onChange();
	};
	return (
		<dialog ref={dialog} onClose={onClose} aria-labelledby="key-title">
			<form method="dialog" onSubmit={onSubmit(() => keep(key.trim()))}>
				<h2 id="key-title">API key</h2>
				{why !== "" && (
					<p class="notice bad" role="alert">
						{why}
					</p>
				)}
				<p class="mute">Kept in this tab until it is closed. One key with the scopes submit and embed opens every page.</p>
				<label>
					Key
					<input type="password" autocomplete="off" spellcheck={false} value={key} onInput={(event) => setKey(event.currentTarget.value)} />
				</label>
				<div class="actions end">
					<button type="button" class="quiet" onClick={() => dialog.current?.close()}>
						Close
					</button>
					<button type="button" class="quiet" disabled={apiKey() === ""} onClick={() => keep("")}>
						Forget
					</button>
					<button type="submit" class="primary">
						Use it
					</button>
				</div>
			</form>
		</dialog>
	);
}

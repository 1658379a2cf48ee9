import type { Node } from "./words.js";

/** A word and its description, as _describe reads them. */
const entry = (word: string, description: string): string =>
	`'${word.replaceAll(":", "\\:")}:${description.replaceAll("'", "'\\''").replaceAll(":", "\\:")}'`;

/** A script for zsh: the same words with what they mean. */
export function zshScript(nodes: readonly Node[]): string {
	const rows = nodes.map(({ path, commands, options }) => {
		const words = commands.map(({ name, description }) => entry(name, description));
		const flags = options.map(({ flag, description }) => entry(flag, description));
		return `\t\t"${path}") commands=(${words.join(" ")}); flags=(${flags.join(" ")}) ;;`;
	});
	const names = nodes.filter(({ path }) => path !== "").map(({ path }) => `"${path}"`);
	const choices = nodes.flatMap(({ path, options }) =>
		options
			.filter((option) => option.choices.length > 0)
			.map(({ flag, choices: allowed }) => `\t\t"${path} ${flag}") compadd -- ${allowed.join(" ")}; return ;;`),
	);
	return `#compdef dak
# zsh completion for dak. Put it where $fpath looks, or load it with: source <(dak completion zsh)
_dak() {
	local path_="" word
	local -a words_before flags
	words_before=("\${(@)words[2,CURRENT-1]}")
	local previous="\${words[CURRENT-1]}"
	for word in "\${words_before[@]}"; do
		case "\${path_:+$path_ }$word" in
		${names.join("|")}) path_="\${path_:+$path_ }$word" ;;
		esac
	done
	case "$path_ $previous" in
${choices.join("\n")}
	esac
	local -a commands
	case "$path_" in
${rows.join("\n")}
	esac
	(( \${#commands} )) && _describe -t commands command commands
	[[ "$PREFIX" == -* ]] && _describe -t options option flags
	(( \${#commands} )) || _files
}
if [ "$funcstack[1]" = "_dak" ]; then _dak "$@"; else compdef _dak dak; fi
`;
}

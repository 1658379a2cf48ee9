import type { Node } from "./words.js";

const quoted = (words: readonly string[]): string => `"${words.join(" ")}"`;

/** A script for bash: subcommands and options by where the line stands, files elsewhere. */
export function bashScript(nodes: readonly Node[]): string {
	const rows = nodes.map(({ path, commands, options }) => {
		const words = [...commands.map(({ name }) => name), ...options.map(({ flag }) => flag)];
		return `\t\t"${path}") words=${quoted(words)} ;;`;
	});
	const names = nodes.filter(({ path }) => path !== "").map(({ path }) => `"${path}"`);
	const choices = nodes.flatMap(({ path, options }) =>
		options
			.filter((option) => option.choices.length > 0)
			.map(({ flag, choices: allowed }) => `\t\t"${path} ${flag}") words=${quoted(allowed)} ;;`),
	);
	return `# bash completion for dak. Load it with: source <(dak completion bash)
_dak() {
	local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}" path="" word words=""
	for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case "\${path:+$path }$word" in
		${names.join(" | ")}) path="\${path:+$path }$word" ;;
		esac
	done
	case "$path $previous" in
${choices.join("\n")}
	esac
	[ -n "$words" ] || case "$path" in
${rows.join("\n")}
	esac
	COMPREPLY=($(compgen -W "$words" -- "$current"))
	if [ \${#COMPREPLY[@]} -eq 0 ]; then
		compopt -o default 2>/dev/null
		COMPREPLY=()
	fi
}
complete -F _dak dak
`;
}

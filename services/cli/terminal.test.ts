import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { bar, clip, clock, createTerminal, signed } from "./terminal.js";

/** A terminal's stream, or a pipe, that remembers what was written. */
function stream(isTTY: boolean, columns = 80) {
	const written: string[] = [];
	const sink = new Writable({
		write(chunk, _, done) {
			written.push(String(chunk));
			done();
		},
	});
	return { written, stream: Object.assign(sink, { isTTY, columns }) as unknown as NodeJS.WriteStream };
}

test("in a pipe there are no colours and no redrawing: milestones are lines", () => {
	const { written, stream: pipe } = stream(false);
	const terminal = createTerminal(pipe);
	terminal.status("1/10", true);
	terminal.status("2/10", false);
	terminal.line(terminal.green("done"));
	expect(written).toEqual(["1/10\n", "done\n"]);
});

test("on a terminal a status is drawn over, cut to the width, and a line begins below it", () => {
	const { written, stream: tty } = stream(true, 24);
	const terminal = createTerminal(tty, {});
	terminal.status("step 1", false);
	terminal.status("a status that is far wider than that", false);
	terminal.line("done");
	expect(written).toEqual(["\r\u001b[Kstep 1", "\r\u001b[Ka status that is far w…", "\ndone\n"]);
	expect(terminal.green("x")).toBe("\u001b[32mx\u001b[0m");
});

test("NO_COLOR takes the colours and leaves the redrawing; a dumb terminal has neither", () => {
	const { stream: tty } = stream(true);
	expect(createTerminal(tty, { NO_COLOR: "1" })).toMatchObject({ isTty: true });
	expect(createTerminal(tty, { NO_COLOR: "1" }).red("x")).toBe("x");
	expect(createTerminal(tty, { NO_COLOR: "" }).red("x")).toBe("\u001b[31mx\u001b[0m");
	expect(createTerminal(tty, { TERM: "dumb" })).toMatchObject({ isTty: false });
});

test.each([
	[0, "░░░░"],
	[0.5, "██░░"],
	[1, "████"],
	[7, "████"],
	[-1, "░░░░"],
])("a bar of %d is %s", (share, drawn) => {
	expect(bar(share, 4)).toBe(drawn);
});

test("numbers are shown as a person reads them", () => {
	expect([clock(95), clock(0.4), clock(3600), clock(-1)]).toEqual(["1:35", "0:00", "60:00", "0:00"]);
	expect([signed(0.0314), signed(-0.5, 1), signed(0)]).toEqual(["+0.031", "−0.5", "+0.000"]);
	expect([clip("short", 10), clip("rather long", 6)]).toEqual(["short", "rathe…"]);
});

import { expect, test } from "vitest";
import { readLogLine } from "./log-line.js";

test("a log line is read as time, level, service, message and facts", () => {
	const line = JSON.stringify({ level: 40, time: 0, service: "embed-service", msg: "slow", ms: 12, adapter: { name: "a" } });
	expect(readLogLine("embed-service", line)).toEqual({
		level: 40,
		text: '00:00:00 warn  embed-service slow ms=12 adapter={"name":"a"}',
	});
});

test.each(["    at main.js:3", "", "null", "17", '"text"', "{broken"])("what is no log line stays as it is: %j", (line) => {
	expect(readLogLine("train-service", line)).toEqual({ level: 30, text: `train-service ${line}` });
});

test("a log line without time, level or message is still read", () => {
	expect(readLogLine("s", '{"a":null}').text).toMatch(/^\d\d:\d\d:\d\d info {2}s {13} a=null$/);
});

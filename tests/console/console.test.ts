/** The web console in a real browser: a file becomes a job, the job an adapter, and the adapter answers in the playground. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SMALL_TEXTS } from "../../services/train-service/testing/small-base.js";
import { CHROMIUM, hasChromium, launch, look, open, type Watched } from "./browser.js";
import { type Both, KEY, startBoth } from "./services.js";

let services: Both;

/** Run in the page: controls that a screen reader has no name for. */
const NAMELESS = `[...document.querySelectorAll("a, button, input, select, textarea, summary")]
	.filter((element) => !element.labels?.length && !element.textContent.trim() && !element.ariaLabel)
	.map((element) => element.outerHTML)`;

beforeAll(async () => {
	execFileSync(process.execPath, [join(import.meta.dirname, "../../scripts/console.mjs")]);
	services = await startBoth();
});
afterAll(() => services?.stop());

describe("its files", () => {
	test("the page runs its own scripts alone, and is never kept", async () => {
		const page = await fetch(services.url);
		expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
		expect(page.headers.get("cache-control")).toBe("no-store");
		expect(page.headers.get("x-content-type-options")).toBe("nosniff");
		expect(page.headers.get("content-security-policy")).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
		expect(page.headers.get("content-security-policy")).not.toMatch(/unsafe|\*|https?:/);
		expect(await page.text()).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=|style=|https?:\/\//);
	});

	test("its assets are kept for ever, and nothing else lies beside them", async () => {
		const html = await (await fetch(services.url)).text();
		const assets = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path!);
		expect(assets.length).toBeGreaterThanOrEqual(3);
		for (const path of assets) {
			const asset = await fetch(services.url + path);
			expect(asset.status).toBe(200);
			expect(asset.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
		}
		for (const path of ["/assets/none.js", "/assets/..%2findex.html", "/assets/%2e%2e/package.json"])
			expect((await fetch(services.url + path)).status, path).toBe(404);
	});

	test("its way to embed-service needs a key, and has no other doors", async () => {
		const ask = (path: string, headers = {}) => fetch(services.url + path, { headers });
		expect((await ask("/console/api/adapters")).status).toBe(401);
		expect((await ask("/console/api/adapters", { authorization: "Bearer wrong" })).status).toBe(401);
		const answer = await ask("/console/api/adapters", { authorization: `Bearer ${KEY}` });
		expect(await answer.json()).toEqual({ adapters: [] });
		expect((await ask("/console/api/v1/load_lora_adapter", { authorization: `Bearer ${KEY}` })).status).toBe(404);
	});
});

describe.skipIf(!hasChromium)(`in ${CHROMIUM}`, () => {
	let browser: Browser;
	let watched: Watched;

	beforeAll(async () => {
		browser = await launch();
		watched = await open(browser, services.url);
	});
	afterAll(() => browser?.close());

	test("the key is asked for once, and opens the pages", async () => {
		const { page } = watched;
		const dialog = page.getByRole("dialog", { name: "API key" });
		await dialog.waitFor();
		await look(page, "key");
		await page.getByLabel("Key", { exact: true }).fill(KEY);
		await page.keyboard.press("Enter");
		await page.getByRole("heading", { name: "No jobs yet" }).waitFor();
		expect(await dialog.isVisible()).toBe(false);
		await look(page, "jobs-empty");
	});

	test("a dropped file is read, and what was found is shown", async () => {
		const { page } = watched;
		await page.getByRole("link", { name: "New job" }).first().click();
		await page.getByText("How the file is read").click();
		await page.getByLabel("Longest text, tokens").fill("16");
		await page.getByLabel(/Drop a file/).setInputFiles(services.file);
		await page.getByRole("heading", { name: "36 texts" }).waitFor();
		const shown = await page.locator("ol.texts li").allInnerTexts();
		expect(shown.length).toBeGreaterThan(4);
		for (const text of shown) expect(SMALL_TEXTS).toContain(text);
		expect(await page.locator("dt:text-is('Equal ones left out') + dd").innerText()).toBe("1");
		expect(await page.getByText(/36 texts are few/).isVisible()).toBe(true);
		expect(await page.getByLabel("Adapter name").inputValue()).toBe("winter-wear");
		await page.getByText("More", { exact: true }).click();
		await page.getByLabel("Steps in place of epochs").fill("300");
		await page.getByLabel("Batch size").fill("8");
		await page.getByText(/^of .* that jobs may take$/).waitFor();
		await look(page, "new");
	});

	test("the job is followed while it runs, and its report read when it has ended", async () => {
		const { page } = watched;
		await page.getByRole("button", { name: "Start training" }).click();
		await page.getByRole("heading", { name: "winter-wear" }).waitFor();
		await page.getByRole("img", { name: /^Loss over \d+ steps/ }).waitFor();
		await page.getByText("succeeded", { exact: true }).first().waitFor();
		await page.getByRole("img", { name: /^Loss over 300 steps/ }).waitFor();
		await page.getByText("No labelled data was given").waitFor();
		await page.getByRole("heading", { name: "Evaluation" }).waitFor();
		expect(await page.getByRole("log").innerText()).toContain("36 texts");
		await look(page, "job");
		await page.getByRole("link", { name: "Jobs", exact: true }).first().click();
		await page.getByRole("link", { name: "winter-wear" }).waitFor();
		await look(page, "jobs");
	});

	test("the adapter is served, and ranks otherwise than the base in the playground", async () => {
		const { page } = watched;
		await page.getByRole("link", { name: "Adapters" }).click();
		const row = page.getByRole("row", { name: /winter-wear/ });
		// The base's name comes with another answer than the adapters.
		await row.getByText("small", { exact: true }).waitFor();
		await look(page, "adapters");
		await row.getByRole("link", { name: "Playground" }).click();
		expect(await page.getByLabel("Right").inputValue()).toBe("winter-wear");
		await page.getByLabel("Text, and query of the list").fill("red wool hat");
		await page.getByLabel("Second text").fill("blue wool hat");
		await page.getByLabel("List to rank").fill("green silk scarf\nred wool hat for winter\nblack leather boots");
		await page.getByLabel("List to rank").press("Tab");
		await page.keyboard.press("Enter");
		const sides = page.locator(".side");
		await sides.first().waitFor();
		expect(await sides.locator("h2").allInnerTexts()).toEqual(["base", "winter-wear@1"]);
		const [left, right] = await sides.locator(".pair strong").allInnerTexts();
		expect(Number(left)).not.toBe(Number(right));
		expect(await sides.first().locator(".ranks li").first().innerText()).toContain("red wool hat for winter");
		await look(page, "playground");
	});

	test("every control can be reached and has a name", async () => {
		const { page } = watched;
		for (const name of ["jobs", "new", "adapters", "playground"]) {
			await page.goto(`${services.url}/#/${name}`);
			await page.getByRole("heading", { level: 1 }).waitFor();
			expect(await page.evaluate<string[]>(NAMELESS)).toEqual([]);
		}
		await page.keyboard.press("Tab");
		const outline = await page.evaluate<string>("getComputedStyle(document.activeElement).outlineStyle");
		expect(outline).toBe("solid");
	});

	test("a stranger's texts are shown as texts", async () => {
		const { page } = watched;
		await page.goto(`${services.url}/#/new`);
		const lines = ["<img src=x onerror=alert(1)>", "<script>alert(2)</script>", ...Array.from({ length: 9 }, (_, i) => `plain hat ${i}`)];
		await page.getByLabel(/Drop a file/).setInputFiles({ name: "<b>.txt", mimeType: "text/plain", buffer: Buffer.from(lines.join("\n")) });
		await page.getByRole("heading", { name: /texts$/ }).waitFor();
		expect(await page.locator("main img, main script, main b").count()).toBe(0);
	});

	test("nothing went wrong on the way", () => {
		expect(watched.faults).toEqual([]);
	});
});

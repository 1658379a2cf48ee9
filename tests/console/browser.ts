/** The system's Chromium, and pages that remember what went wrong in them. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";

export const CHROMIUM = process.env.DAK_TEST_CHROMIUM ?? "/usr/bin/chromium";
export const hasChromium = existsSync(CHROMIUM);

export const launch = (): Promise<Browser> =>
	// Root has no user namespaces to make a sandbox of.
	chromium.launch({ executablePath: CHROMIUM, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });

export interface Watched {
	readonly page: Page;
	/** Errors of scripts and of the console, among them what the CSP has refused. */
	readonly faults: string[];
}

/** The first request has no key yet, which the browser reports as an error. */
const EXPECTED = /\b401\b/;

export async function open(browser: Browser, url: string): Promise<Watched> {
	const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
	page.setDefaultTimeout(20_000);
	const faults: string[] = [];
	page.on("console", (message) => {
		const text = `${message.text()} ${message.location().url}`;
		if (message.type() === "error" && !EXPECTED.test(text)) faults.push(text);
	});
	page.on("pageerror", (error) => faults.push(String(error)));
	await page.addInitScript({
		content: "addEventListener('securitypolicyviolation', (event) => console.error('CSP', event.violatedDirective, event.blockedURI))",
	});
	await page.goto(url);
	return { page, faults };
}

const LOOKS = [
	["desktop", 1280, 860],
	["phone", 390, 844],
] as const;

/** With DAK_TEST_SCREENSHOTS=FOLDER, the page in every width and scheme. @throws Error where it is wider than the screen */
export async function look(page: Page, name: string): Promise<void> {
	const folder = process.env.DAK_TEST_SCREENSHOTS;
	for (const [device, width, height] of LOOKS) {
		await page.setViewportSize({ width, height });
		const over = await page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth");
		if (over > 0) throw new Error(`${name} is ${over} pixels wider than a ${device}'s screen`);
		if (!folder) continue;
		mkdirSync(folder, { recursive: true });
		for (const colorScheme of ["light", "dark"] as const) {
			await page.emulateMedia({ colorScheme });
			await page.waitForTimeout(250);
			await page.screenshot({ path: join(folder, `${name}-${device}-${colorScheme}.png`), fullPage: true });
		}
	}
	await page.emulateMedia({ colorScheme: "light" });
	await page.setViewportSize({ width: LOOKS[0][1], height: LOOKS[0][2] });
}

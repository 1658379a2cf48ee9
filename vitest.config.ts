import { defineConfig } from "vitest/config";

export default defineConfig({
	// Tests run from the sources; what they spawn does too (scripts/ and shared/runtime say how).
	resolve: { conditions: ["@dak/source", "node"] },
	ssr: { resolve: { conditions: ["@dak/source", "node"] } },
	test: {
		include: ["shared/**/*.test.ts", "services/**/*.test.ts", "tests/**/*.test.ts"],
		exclude: ["**/node_modules/**", "**/dist/**"],
		pool: "forks",
		globalSetup: ["tests/setup-models.ts", "tests/setup-servers.ts"],
		testTimeout: 60_000,
		hookTimeout: 120_000,
	},
});

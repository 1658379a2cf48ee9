import { defineConfig } from "vite";

// The page runs under a CSP without inline scripts, inline styles and data: URLs; the build makes none of them.
export default defineConfig({
	base: "/",
	build: { target: "es2023", assetsInlineLimit: 0, modulePreload: false, cssCodeSplit: false, reportCompressedSize: false },
	// `npm run dev -w @dak/console`: the page with hot reload, over a train-service on its usual port.
	server: { proxy: { "/v1": "http://127.0.0.1:8080", "/console/api": "http://127.0.0.1:8080" } },
});

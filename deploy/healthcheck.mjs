// A container's own health check, with or without TLS: node healthcheck.mjs PORT_VARIABLE DEFAULT_PORT PATH
// It asks this machine only, so the certificate's name is not looked at; under mTLS it shows the service's own certificate, and a
// refusal of that one still shows that the service lives. A key that DAK_OPEN asks for is not needed to see that either.
import { readFileSync } from "node:fs";
import { request as plain } from "node:http";
import { request as secure } from "node:https";

const [variable, port, path] = process.argv.slice(2);
const { DAK_TLS_CERT: cert, DAK_TLS_KEY: key, DAK_TLS_CLIENT_CA: mutual } = process.env;
const tls = cert && key ? { cert: readFileSync(cert), key: readFileSync(key), rejectUnauthorized: false } : undefined;
const options = { host: "127.0.0.1", port: process.env[variable] || port, path, timeout: 4000, ...tls };
const asked = (tls ? secure : plain)(options, (response) => process.exit(response.statusCode < 500 ? 0 : 1));
asked.on("timeout", () => process.exit(1));
asked.on("error", (error) => process.exit(mutual && (error.code === "ECONNRESET" || /alert/i.test(error.message)) ? 0 : 1));
asked.end();

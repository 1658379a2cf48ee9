/** Authorities and certificates for 127.0.0.1, made by openssl for one test run: no key lies in the repository. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

export interface Pair {
	/** Paths of PEM files. */
	readonly certificate: string;
	readonly key: string;
}

const read = ({ certificate, key }: Pair) => ({ cert: readFileSync(certificate), key: readFileSync(key) });
export type PemPair = ReturnType<typeof read>;

function openssl(folder: string, ...args: string[]): void {
	execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
}

export class Authority {
	readonly #folder: string;

	constructor(readonly name: string) {
		this.#folder = mkdtempSync(join(tmpdir(), "dak-tls-"));
		onTestFinished(() => rmSync(this.#folder, { recursive: true }));
		openssl(
			this.#folder,
			...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
			...["-subj", `/CN=${name}`, "-keyout", "ca.key", "-out", "ca.pem"],
		);
	}

	/** PEM file of the authority's own certificate. */
	get file(): string {
		return join(this.#folder, "ca.pem");
	}

	get pem(): Buffer {
		return readFileSync(this.file);
	}

	/** A certificate with its key, good for servers on this machine and for clients. */
	issue(name: string): Pair {
		writeFileSync(join(this.#folder, "ext"), "subjectAltName=IP:127.0.0.1,DNS:localhost");
		openssl(
			this.#folder,
			...["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", `/CN=${name}`],
			...["-keyout", `${name}.key`, "-out", `${name}.csr`],
		);
		openssl(
			this.#folder,
			...["x509", "-req", "-in", `${name}.csr`, "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"],
			...["-days", "2", "-extfile", "ext", "-out", `${name}.pem`],
		);
		return { certificate: join(this.#folder, `${name}.pem`), key: join(this.#folder, `${name}.key`) };
	}

	/** The same, as a client's options take it. */
	issuePem(name: string): PemPair {
		return read(this.issue(name));
	}
}

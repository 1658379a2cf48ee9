/** An S3 server of the test's own (moto's, over HTTP): its buckets live in its memory and go with it. */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";

/** A Python that has moto; undefined where there is none, and tests that need it are skipped. */
export const s3Python: string | undefined = process.env.DAK_TEST_MOTO || undefined;

const CREDENTIALS = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test", AWS_REGION: "us-east-1" };

export class TestS3 {
	private constructor(
		private readonly process: ChildProcess,
		readonly url: string,
		readonly client: S3Client,
	) {}

	static async start(bucket = "dak"): Promise<TestS3> {
		const port = await freePort();
		const child = spawn(s3Python!, ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
		const url = `http://127.0.0.1:${port}`;
		await answering(url, child);
		const credentials = { accessKeyId: "test", secretAccessKey: "test" };
		const client = new S3Client({ endpoint: url, region: "us-east-1", forcePathStyle: true, credentials });
		await client.send(new CreateBucketCommand({ Bucket: bucket }));
		return new TestS3(child, url, client);
	}

	/** What a service is told to use it. */
	get environment(): Record<string, string> {
		return { ...CREDENTIALS, AWS_ENDPOINT_URL: this.url };
	}

	/** It takes connections and answers nothing, until it goes on. */
	pause(): void {
		this.process.kill("SIGSTOP");
	}

	goOn(): void {
		this.process.kill("SIGCONT");
	}

	async stop(): Promise<void> {
		this.client.destroy();
		const ended = new Promise((resolve) => this.process.once("exit", resolve));
		this.process.kill("SIGKILL");
		await ended;
	}
}

async function answering(url: string, child: ChildProcess): Promise<void> {
	for (;;) {
		if (child.exitCode !== null) throw new Error("the S3 server ended before it was ready");
		const response = await fetch(`${url}/moto-api/`).catch(() => undefined);
		await response?.body?.cancel();
		if (response) return;
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}

function freePort(): Promise<number> {
	return new Promise((resolve, reject) => {
		const server = createServer().once("error", reject);
		server.listen(0, "127.0.0.1", () => {
			const { port } = server.address() as { port: number };
			server.close(() => resolve(port));
		});
	});
}

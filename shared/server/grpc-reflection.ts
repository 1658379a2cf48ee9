/** Server reflection, v1 and v1alpha (the same messages under two names), over the generated descriptors. */
import { create, createFileRegistry, type DescFile, type DescService, type FileRegistry, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { type Server, status } from "@grpc/grpc-js";
import { ServerReflection, type ServerReflectionRequest } from "../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "../gen/grpc/reflection/v1alpha/reflection_pb.js";
import { type OpenOptions, scopesOf } from "./grpc-health.js";
import { addProtoService } from "./grpc-service.js";

/** A file after all that it imports. */
function withImports(file: DescFile, seen = new Set<DescFile>()): DescFile[] {
	if (seen.has(file)) return [];
	seen.add(file);
	return [...file.dependencies.flatMap((dependency) => withImports(dependency, seen)), file];
}

/** Answers reflection requests about a set of services. */
class Reflector {
	readonly #services: readonly DescService[];
	readonly #registry: FileRegistry;

	constructor(services: readonly DescService[]) {
		this.#services = services;
		const seen = new Set<DescFile>();
		const file = services.flatMap((service) => withImports(service.file, seen)).map(({ proto }) => proto);
		this.#registry = createFileRegistry(create(FileDescriptorSetSchema, { file }));
	}

	answer(request: ServerReflectionRequest) {
		return { validHost: request.host, originalRequest: request, messageResponse: this.#response(request.messageRequest) };
	}

	#response(request: ServerReflectionRequest["messageRequest"]) {
		switch (request.case) {
			case "listServices":
				return { case: "listServicesResponse", value: { service: this.#services.map(({ typeName }) => ({ name: typeName })) } } as const;
			case "fileByFilename":
				return files(this.#registry.getFile(request.value), `file ${request.value}`);
			case "fileContainingSymbol":
				return files(this.#fileOf(request.value), `symbol ${request.value}`);
			case "fileContainingExtension":
			case "allExtensionNumbersOfType":
				return failure(status.NOT_FOUND, "no extensions are used here");
			default:
				return failure(status.INVALID_ARGUMENT, "the request asks for nothing");
		}
	}

	/** The file of a message, enum, service or extension, or of what one of them contains. */
	#fileOf(symbol: string): DescFile | undefined {
		const direct = this.#registry.get(symbol)?.file;
		if (direct) return direct;
		const dot = symbol.lastIndexOf(".");
		const parent = dot < 0 ? undefined : this.#registry.get(symbol.slice(0, dot));
		const name = symbol.slice(dot + 1);
		if (parent?.kind === "service") return parent.methods.some((method) => method.name === name) ? parent.file : undefined;
		if (parent?.kind === "message") return parent.members.some((member) => member.name === name) ? parent.file : undefined;
		return undefined;
	}
}

function files(file: DescFile | undefined, asked: string) {
	if (!file) return failure(status.NOT_FOUND, `no ${asked} here`);
	const fileDescriptorProto = withImports(file).map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
	return { case: "fileDescriptorResponse", value: { fileDescriptorProto } } as const;
}

function failure(errorCode: number, errorMessage: string) {
	return { case: "errorResponse", value: { errorCode, errorMessage } } as const;
}

/** Lets clients such as grpcurl discover the given services. */
export function addReflection(server: Server, services: readonly DescService[], options: OpenOptions): void {
	const reflector = new Reflector([...services, ServerReflection, ServerReflectionAlpha]);
	const { logger, metrics, keys, open } = options;
	const observed = { logger, metrics, keys, ...scopesOf(ServerReflection, "docs", open) };
	const serverReflectionInfo = async function* (requests: AsyncIterable<ServerReflectionRequest>) {
		for await (const request of requests) yield reflector.answer(request);
	};
	addProtoService(server, ServerReflection, { serverReflectionInfo }, observed);
	// The alpha's messages have the same fields under another package name.
	addProtoService(server, ServerReflectionAlpha, { serverReflectionInfo } as never, observed);
}

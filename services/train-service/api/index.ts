export { Application, type ApplicationOptions } from "./application.js";
export { addTrainService } from "./grpc.js";
export { restRoutes } from "./rest.js";

export { type AdapterInfo, type AdapterLease, AdapterRegistry, type AdapterSource, type RegistryOptions } from "./registry.js";

export { type AdapterInfo, type AdapterLease, AdapterRegistry, type AdapterSource, NAME_RULE, type RegistryOptions } from "./registry.js";

export interface Finding {
	readonly check: string;
	/** fail: it will not work; warn: something that may be wanted will not. */
	readonly status: "ok" | "warn" | "fail";
	readonly found: string;
	/** What to do. */
	readonly advice?: string;
}

export const ok = (check: string, found: string): Finding => ({ check, status: "ok", found });
export const warn = (check: string, found: string, advice: string): Finding => ({ check, status: "warn", found, advice });
export const fail = (check: string, found: string, advice: string): Finding => ({ check, status: "fail", found, advice });

/** `count` values in [−scale, scale), fixed by the name: bit-equal to params.py's `param`. */
export declare function seededParameter(name: string, count: number, scale: number): Float32Array;

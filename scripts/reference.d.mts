export declare const folder: string;
/** The pages of the reference by their file names, and the public things that say nothing about themselves. */
export declare function reference(): { pages: ReadonlyMap<string, string>; undocumented: readonly string[] };

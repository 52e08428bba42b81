/** The path of a Chromium: that of `CHROMIUM_PATH`, else the first on the path; `undefined` when there is none. */
export function findChromium(): string | undefined;

/** Packs into a folder; the tarball's path. */
export function pack(folder: string): string;

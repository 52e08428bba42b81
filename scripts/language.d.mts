export function check(path: string, source: string): { path: string; line: number; word: string; say: string }[];

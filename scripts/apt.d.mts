/** The path of a program, of the servers among them too; `undefined` when there is none. */
export function findProgram(name: string): string | undefined;
export function requireProgram(name: string): string;

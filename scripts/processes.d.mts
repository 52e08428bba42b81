import type { ChildProcess, SpawnOptions } from 'node:child_process';

/** Starts a program in a process group of its own. What is left of the group is killed when the program or this process ends. */
export function start(command: string, args: readonly string[], options?: SpawnOptions): ChildProcess;
/** Has the process group that a child leads end with the child and with this process. */
export function guard(child: ChildProcess): void;
/** Sends a signal to the process group that a child leads. */
export function signal(child: ChildProcess, name: NodeJS.Signals): void;
/** Kills the process group that a child leads; resolves when the child has ended. */
export function kill(child: ChildProcess): Promise<void>;
/** Asks a child to end, which may wait for its own children; kills the group that it leads when it has not ended after a while. */
export function stop(child: ChildProcess): Promise<void>;
/** Makes a temporary folder, which is removed when this process ends, or before by `removeFolder`. Its path has no symbolic link. */
export function temporaryFolder(name: string, parent?: string): string;
export function removeFolder(folder: string): void;

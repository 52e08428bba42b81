/** A runtime with its command. `missing` is the reason why it cannot be tested. */
export interface Runtime {
  readonly name: string;
  readonly command: readonly string[];
  readonly missing: string | undefined;
}

export function findRuntimes(): Runtime[];

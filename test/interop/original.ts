import { createRequire } from 'node:module';

// biome-ignore lint/suspicious/noExplicitAny: the original has no types.
export type Any = any;

/** The original, 8.0.9: a peer of ours in these tests. */
export const Original: Any = createRequire(import.meta.url)('primus');

import { createRequire } from 'node:module';
import { missingPlugins } from '../../scripts/plugins.mjs';
import { type Plugin, Primus } from '../../src/index.js';

/** Why there is nothing to test, for the name of the suite that is skipped. */
export const missing = missingPlugins();

const require = createRequire(new URL('./package.json', import.meta.url));

/** A package as its users have it; where it asks for `primus`, it gets ours. */
// biome-ignore lint/suspicious/noExplicitAny: packages without types.
export function published<T = any>(name: string): T {
  const path = require.resolve('primus');
  // Nothing of the original is loaded.
  require.cache[path] = Object.assign(Object.create(null), {
    id: path,
    filename: path,
    loaded: true,
    exports: Primus,
    children: [],
    paths: [],
  });
  return require(name) as T;
}

export function plugin(name: string): Plugin {
  return published<Plugin>(name);
}

/** The name of a suite: with the reason when it is skipped. */
export function suite(name: string): string {
  return missing === undefined ? name : `${name} (skipped: ${missing})`;
}

/** A connection with what plugins have put on it. */
// biome-ignore lint/suspicious/noExplicitAny: the members are the plugins'.
export type Any = any;

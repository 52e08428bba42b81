import { createRequire } from 'node:module';
import { missingPlugins } from '../../scripts/plugins.mjs';
import { type Plugin, Primus } from '../../src/index.js';

/** The reason why the suites are skipped, for their titles. */
export const missing = missingPlugins();

const require = createRequire(new URL('./package.json', import.meta.url));

/** Loads a package as its users do; its `require('primus')` gets this package. */
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

/** The title of a suite, with the reason if it is skipped. */
export function suite(name: string): string {
  return missing === undefined ? name : `${name} (skipped: ${missing})`;
}

/** A connection with the members that plugins have added. */
// biome-ignore lint/suspicious/noExplicitAny: the members are the plugins'.
export type Any = any;

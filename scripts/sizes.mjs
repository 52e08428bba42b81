// The limits that `npm run size` checks. Run alone, it writes their tables into docs/bundling.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './run.mjs';

export const target = join(root, 'docs/bundling.md');

/** The limits of `primus.js`, for each transformer, in kB of 1,000 bytes. */
export const served = {
  websockets: 13.0,
  uws: 13.0,
  faye: 13.0,
  'engine.io': 21.05,
  sockjs: 25.0,
  'socket.io': 26.5,
  browserchannel: 33.0,
};

/** The limits of the parsers that it may have. */
export const additions = { binary: 3.0, ejson: 4.8, jsonh: 1.0, msgpack: 3.5 };

/** The limits of its other additions, for each transformer. */
export const features = { sessions: 1.2, channels: 1.6, requests: 5.05 };

/** The limits of a page that imports `primus-rx/client`, for each bundler. */
export const imported = { 'esbuild, defaults': 15.0, 'esbuild, es2015': 13.6, 'Vite, defaults': 15.0, 'Vite, es2015': 13.5 };

/** The limits of its additions. */
export const importedFeatures = { interactive: 0.36, flow: 2.6 };

/** Returns the tables of the page, by name. */
export function tables() {
  return {
    imported: table({
      ...rows(imported, (name) => `\`primus-rx/client\`, ${name.replace('es2015', '`es2015`')}`),
      '`interactive()` of `primus-rx/operators`': `+ ${kB(importedFeatures.interactive)}`,
      '`flow()` of `primus-rx/flow`': `+ ${kB(importedFeatures.flow)}`,
    }),
    served: table({
      ...rows(served, (name) => `\`primus.js\` of \`${name}\``),
      ...rows(additions, (name) => `with the parser \`${name}\``, '+ '),
      ...rows(features, (name) => `with ${name}`, '+ '),
    }),
  };
}

/** Returns a page with these tables in place of its own. */
export function withTables(page) {
  return Object.entries(tables()).reduce(
    (text, [name, content]) => text.replace(new RegExp(`(<!-- sizes: ${name} -->\n)[^]*?(<!-- /sizes -->)`), `$1\n${content}\n$2`),
    page,
  );
}

function rows(limits, title, sign = '') {
  return Object.fromEntries(Object.entries(limits).map(([name, limit]) => [title(name), `${sign}${kB(limit)}`]));
}

function table(cells) {
  const body = Object.entries(cells).map(([title, limit]) => `| ${title} | ${limit} |\n`);
  return `| | at most |\n|---|--:|\n${body.join('')}`;
}

/** Formats a limit, rounded up: the build keeps the one on the page too. */
function kB(limit) {
  return `${(Math.ceil(Math.round(limit * 1_000) / 10) / 100).toFixed(2).replace(/0$/, '')} kB`;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) writeFileSync(target, withTables(readFileSync(target, 'utf8')));

// Weighs the client library of every transformer as a page receives it, minified and gzipped; fails over the limit.
import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';
import { transform } from 'esbuild';
import Primus from 'primus-rx';

/** In kB of 1,000 bytes. The target is where it should get to; the limit is what fails the build. */
const budgets = {
  websockets: { target: 11.0, limit: 12.0 },
};

const table = {};
for (const [transformer, { target, limit }] of Object.entries(budgets)) {
  const primus = new Primus(createServer(), { transformer });
  const served = primus.library();
  primus.destroy();
  const { code } = await transform(served, { minify: true, target: 'es2020', legalComments: 'none' });
  const gzipped = gzipSync(code, { level: 9 }).length / 1000;
  const verdict = gzipped > limit ? 'too big' : gzipped > target ? 'within limit' : 'on target';
  table[transformer] = { 'served kB': kB(served.length), 'minified kB': kB(code.length), 'gzipped kB': gzipped, target, limit, verdict };
  if (gzipped > limit) process.exitCode = 1;
}
console.table(table);

function kB(bytes) {
  return Number((bytes / 1000).toFixed(1));
}

// Weighs the client library of every transformer as a page receives it, and what each parser adds to it, minified and gzipped;
// fails over the limit.
// `npm run size -- --why` tells what the weight is made of.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { transform } from 'esbuild';
import Primus from 'primus-rx';
import { bundle, bundled, parsers } from './bundle.mjs';
import { root } from './run.mjs';

/** In kB of 1,000 bytes. The target is where it should get to; the limit is what fails the build. */
const budgets = {
  websockets: { target: 11.0, limit: 11.9 },
  uws: { target: 11.0, limit: 11.9 },
  faye: { target: 11.0, limit: 11.9 },
  browserchannel: { target: 32.0, limit: 32.2 },
  sockjs: { target: 25.0, limit: 25.0 },
  'engine.io': { target: 18.0, limit: 20.2 },
  'socket.io': { target: 23.0, limit: 25.5 },
};

/** What a parser adds to any of them. */
const additions = { binary: 2.8, ejson: 4.7, jsonh: 0.9, msgpack: 3.4 };

const table = {};
for (const transformer of bundled()) {
  const { target, limit } = budgets[transformer] ?? { target: 0, limit: 0 };
  const primus = new Primus(createServer(), { transformer });
  const served = primus.library();
  primus.destroy();
  const { code, gzipped } = await weigh(served);
  const verdict = gzipped > limit ? 'too big' : gzipped > target ? 'within limit' : 'on target';
  table[transformer] = { 'served kB': kB(served.length), 'minified kB': kB(code.length), 'gzipped kB': gzipped, target, limit, verdict };
  if (gzipped > limit) process.exitCode = 1;
}
for (const parser of parsers) {
  const served = readFileSync(join(root, 'dist/browser', `${parser}.js`), 'utf8');
  const { code, gzipped } = await weigh(served);
  const limit = additions[parser] ?? 0;
  const verdict = gzipped > limit ? 'too big' : 'on target';
  table[`+ ${parser}`] = {
    'served kB': kB(served.length),
    'minified kB': kB(code.length),
    'gzipped kB': gzipped,
    target: limit,
    limit,
    verdict,
  };
  if (gzipped > limit) process.exitCode = 1;
}
console.table(table);
if (process.argv.includes('--why')) for (const transformer of bundled()) await why(transformer);

/** The minified bytes of each module, the heaviest first. */
async function why(transformer) {
  const { metafile } = await bundle(transformer, { minify: true, metafile: true, outfile: 'dist/size/client.js' });
  const [{ inputs }] = Object.values(metafile.outputs);
  const modules = Object.entries(inputs).sort(([, a], [, b]) => b.bytesInOutput - a.bytesInOutput);
  console.log(`\n${transformer}, minified bytes before gzip`);
  for (const [path, { bytesInOutput }] of modules) if (bytesInOutput > 100) console.log(String(bytesInOutput).padStart(6), path);
}

async function weigh(source) {
  const { code } = await transform(source, { minify: true, legalComments: 'none' });
  return { code, gzipped: gzipSync(code, { level: 9 }).length / 1000 };
}

function kB(bytes) {
  return Number((bytes / 1000).toFixed(1));
}

// Weighs what a browser downloads: each library as `primus.js` serves it, what a parser adds to it, and `primus-rx/client` imported into a
// page that a bundler makes. RxJS is in all of them. Minified, gzip -9; fails over the limit, of scripts/sizes.mjs, or when docs/bundling.md has others.
// `npm run size -- --why` shows which modules the weight comes from, in minified bytes before gzip.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import Primus from 'primus-rx';
import { defaultClientConditions, build as viteBuild } from 'vite';
import { bundle, bundled, parsers } from './bundle.mjs';
import { root } from './run.mjs';
import { additions, features, imported, importedFeatures, served, target, withTables } from './sizes.mjs';

const work = join(root, 'dist/size');

/** Pages that import the client, without and with a policy of `primus-rx/operators`. */
const PLAIN = "import { Primus } from 'primus-rx/client';\nnew Primus().on('data', console.log);\n";
const WITH_POLICY =
  "import { Primus } from 'primus-rx/client';\nimport { interactive } from 'primus-rx/operators';\nnew Primus({ reconnect: interactive() }).on('data', console.log);\n";

const WITH_FLOW = `${PLAIN}import { flow } from 'primus-rx/flow';\nconsole.log(flow);\n`;

/** Bundlers take the ES5 files of RxJS unless the condition `es2015` is set. */
const builds = {
  'esbuild, defaults': { build: withEsbuild },
  'esbuild, es2015': { build: withEsbuild, conditions: ['es2015', 'module'] },
  'Vite, defaults': { build: withVite },
  'Vite, es2015': { build: withVite, conditions: ['es2015', ...defaultClientConditions] },
};

const table = {};
const reasons = [];

/** The source that a server with channels adds to its library, and one with requests. */
const withChannels = `${readFileSync(join(root, 'dist/browser/channels.min.js'), 'utf8')}\nPrimus.channels = PrimusChannels.channels;\n`;
const withRequests = `${readFileSync(join(root, 'dist/browser/requests.min.js'), 'utf8')}\nPrimus.requests = PrimusRequests.requests;\nPrimus.RequestError = PrimusRequests.RequestError;\n`;

for (const transformer of bundled()) {
  const [page, resumable] = [false, true].map((resume) => {
    const primus = new Primus(createServer(), { transformer, resume });
    const source = primus.library({ minify: true });
    primus.destroy();
    return source;
  });
  weigh(`served ${transformer}`, page, served[transformer]);
  const weight = kB(gzipSync(page, { level: 9 }).length);
  weigh(`served ${transformer} + sessions`, resumable, Number((weight + features.sessions).toFixed(3)));
  weigh(`served ${transformer} + channels`, `${page}${withChannels}`, Number((weight + features.channels).toFixed(3)));
  weigh(`served ${transformer} + requests`, `${page}${withRequests}`, Number((weight + features.requests).toFixed(3)));
}
for (const parser of parsers) {
  weigh(`served + ${parser}`, readFileSync(join(root, 'dist/browser', `${parser}.min.js`), 'utf8'), additions[parser]);
}
for (const [name, { build, conditions }] of Object.entries(builds)) {
  const page = await build(conditions);
  weigh(`imported, ${name}`, page, imported[name]);
  const weight = kB(gzipSync(page, { level: 9 }).length);
  weigh(
    `imported, ${name} + interactive`,
    await build(conditions, WITH_POLICY),
    Number((weight + importedFeatures.interactive).toFixed(3)),
  );
  if (build === withEsbuild)
    weigh(`imported, ${name} + flow`, await build(conditions, WITH_FLOW), Number((weight + importedFeatures.flow).toFixed(3)));
}

console.table(table);
const written = readFileSync(target, 'utf8');
if (withTables(written) !== written) {
  console.error('docs/bundling.md has other limits: run node scripts/sizes.mjs');
  process.exitCode = 1;
}
if (process.argv.includes('--why')) {
  for (const transformer of bundled()) why(`served ${transformer}`, await bundle(transformer));
  for (const [name, metafile] of reasons) why(name, metafile);
}

function weigh(name, source, limit = 0) {
  const size = kB(gzipSync(source, { level: 9 }).length);
  const over = size > limit;
  table[name] = {
    'minified kB': kB(Buffer.byteLength(source)),
    'gzip kB': size,
    limit,
    verdict: over ? `${((size - limit) * 1000).toFixed()} bytes too many` : 'ok',
  };
  if (over) process.exitCode = 1;
}

/** A page that makes a client and uses it, as `entry.js`. */
function entry(source) {
  mkdirSync(work, { recursive: true });
  const path = join(work, 'entry.js');
  writeFileSync(path, source);
  return path;
}

async function withEsbuild(conditions, source = PLAIN) {
  const options = { bundle: true, minify: true, metafile: true, write: false, absWorkingDir: root, ...(conditions && { conditions }) };
  const { outputFiles, metafile } = await build({ entryPoints: [entry(source)], ...options });
  if (source === PLAIN) reasons.push([`imported, esbuild, ${conditions?.[0] ?? 'defaults'}`, metafile]);
  return outputFiles[0].text;
}

async function withVite(conditions, source = PLAIN) {
  const { output } = await viteBuild({
    root: work,
    configFile: false,
    logLevel: 'error',
    ...(conditions && { resolve: { conditions } }),
    // Without a page: Vite adds a polyfill of its own to those.
    build: { write: false, rolldownOptions: { input: entry(source) } },
  });
  return output[0].code;
}

/** The minified bytes of each module, the heaviest first, and their sums: RxJS with its helpers, the frameworks, ours. */
function why(name, { outputs }) {
  const [{ inputs }] = Object.values(outputs);
  const modules = Object.entries(inputs).sort(([, a], [, b]) => b.bytesInOutput - a.bytesInOutput);
  const sums = { RxJS: 0, packages: 0, ours: 0 };
  for (const [path, { bytesInOutput }] of modules) sums[ownerOf(path)] += bytesInOutput;
  console.log(
    `\n${name}, minified bytes: ${Object.entries(sums)
      .map(([owner, bytes]) => `${owner} ${bytes}`)
      .join(', ')}`,
  );
  for (const [path, { bytesInOutput }] of modules) if (bytesInOutput > 100) console.log(String(bytesInOutput).padStart(6), path);
}

function ownerOf(path) {
  if (/node_modules\/(rxjs|tslib)\//.test(path)) return 'RxJS';
  return path.includes('node_modules/') ? 'packages' : 'ours';
}

function kB(bytes) {
  return Number((bytes / 1000).toFixed(3));
}

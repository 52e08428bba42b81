// Makes the CommonJS build: what `require` gives, and in Node.js also what `import` gives. There the ES modules pass the exports of
// CommonJS on, so that a process that uses both has every class once. Pages get the ES modules that the compiler writes.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { build, transform } from 'esbuild';
import { bundled, parsers } from './bundle.mjs';
import { declarations } from './declarations.mjs';
import { root } from './run.mjs';

const folder = join(root, 'dist/commonjs');
const { version, dependencies, peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const target = 'node20.19';

/** The entries by group. A group is one file, without what other groups need as well: only Node.js has the modules of `node`. */
const groups = {
  node: {
    index: { source: 'src/index', main: 'Primus' },
    client: { source: 'src/client-node', main: 'Primus' },
    ...entriesOf('clients', clients(false), (name) => `src/clients/node/${name}`, 'Primus'),
    ...entriesOf('transformers', transformers(), (name) => `transformers/${name}/index`),
    cluster: { source: 'src/cluster' },
  },
  // Servers in production do not load it.
  testing: { testing: { source: 'src/testing' } },
  channels: { channels: { source: 'src/channels' } },
  request: { request: { source: 'src/request' }, contract: { source: 'src/contract' } },
  flow: { flow: { source: 'src/flow' } },
  browser: { 'client-browser': { source: 'src/client-browser', main: 'Primus' } },
  react: { react: { source: 'src/react' } },
  operators: { operators: { source: 'operators/index' } },
  parsers: entriesOf(
    'parsers',
    ['json', ...parsers].filter((name) => name !== 'ejson'),
    (name) => `src/parsers/${name}`,
  ),
  // They need an optional package, each its own.
  ...Object.fromEntries(
    clients(true).map((name) => [`client-${name}`, entriesOf('clients', [name], () => `src/clients/node/${name}`, 'Primus')]),
  ),
  ejson: entriesOf('parsers', ['ejson'], () => 'src/parsers/ejson'),
};

function entriesOf(path, names, sourceOf, main) {
  return Object.fromEntries(names.map((name) => [`${path}/${name}`, { source: sourceOf(name), main }]));
}

/** The transformers with a client of their own to import; with a framework for clients, or on WebSockets alone. */
function clients(hasFramework) {
  return bundled().filter((name) => existsSync(join(root, 'transformers', name, 'client/browser-framework.ts')) === hasFramework);
}

function transformers() {
  return readdirSync(join(root, 'transformers')).filter((name) => existsSync(join(root, 'transformers', name, 'index.ts')));
}

/** Writes `NAME.cjs`, `NAME.mjs` and `NAME.d.cts` of each entry, and the files that they share. */
export async function commonjs() {
  const modules = await bundles();
  rmSync(folder, { recursive: true, force: true });
  for (const [name, text] of modules) write(name, text);
  for (const [group, entries] of Object.entries(groups)) {
    for (const { entry, main, values, text } of declarations(entries, folder)) {
      const up = '../'.repeat(entry.split('/').length - 1) || './';
      const exported = `require(${JSON.stringify(`${up}shared/${group}.cjs`)})[${JSON.stringify(entry)}]`;
      write(
        `${entry}.cjs`,
        main
          ? `const exported = ${exported};\n\nmodule.exports = Object.assign(exported.${main}, exported);\n`
          : `module.exports = ${exported};\n`,
      );
      if (group !== 'browser' && group !== 'react') write(`${entry}.mjs`, passOn(entry, values));
      write(`${entry}.d.cts`, text);
    }
  }
}

/** Returns the ES module with the exports of an entry. */
function passOn(entry, values) {
  const names = values.map((name) => (name === 'default' ? 'default: main' : name));
  const other = values.includes('default') ? 'export { main as default };\n' : '';
  return `import exported from './${entry.replace(/.*\//, '')}.cjs';\n\n${other ? 'const { default: main } = exported;\n' : ''}export const { ${names.filter((name) => !name.includes(':')).join(', ')} } = exported;\n${other}`;
}

/** Returns the files of the groups, and those that several groups share. esbuild splits ES modules only, which become CommonJS then. */
async function bundles() {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: Object.keys(groups).map((group) => ({ in: `group:${group}`, out: group })),
    outdir: join(folder, 'shared'),
    outExtension: { '.js': '.cjs' },
    chunkNames: '[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target,
    // What is not listed becomes a part of the build: nanoid is there as ES modules only.
    external: [...Object.keys(dependencies), ...Object.keys(peerDependencies)],
    define: { PRIMUS_RX_VERSION: JSON.stringify(version) },
    sourcemap: 'inline',
    sourcesContent: false,
    write: false,
    logLevel: 'warning',
    plugins: [namespaces],
  });
  return (await Promise.all(outputFiles.map(convert))).flat();
}

const namespaces = {
  name: 'namespaces',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^group:/ }, ({ path }) => ({ path: path.slice('group:'.length), namespace: 'group' }));
    onLoad({ filter: /^/, namespace: 'group' }, ({ path }) => ({
      contents: Object.entries(groups[path])
        .map(([entry, { source }]) => `export * as ${JSON.stringify(entry)} from './${source}.ts';`)
        .join('\n'),
      resolveDir: root,
    }));
  },
};

async function convert({ path, text }) {
  const name = relative(folder, path);
  const define = { 'import.meta.url': '__filename' };
  const options = { format: 'cjs', platform: 'node', target, define, sourcemap: true, sourcesContent: false, sourcefile: path };
  const { code, map } = await transform(text, options);
  return [
    [name, `${plain(bundleable(code))}//# sourceMappingURL=${name.replace(/.*\//, '')}.map\n`],
    [`${name}.map`, map],
  ];
}

/**
 * Exports values, once the module has run, instead of getters: esbuild's getters cost each use about 20 ns, and most messages have a dozen.
 * No export changes later, and no two of these modules need each other.
 */
function plain(code) {
  const [statement, values] = /^module\.exports = __toCommonJS\((\w+)\);$/m.exec(code);
  return `${code.replace(statement, '')}module.exports = Object.defineProperty({ ...${values} }, "__esModule", { value: true });\n`;
}

/**
 * Makes a module run in a bundle of ES modules too, where `require` throws: it asks Node.js for Node's modules. The package ws calls
 * `require` itself; there it is loaded from the application's packages. Bun replaces ws by its own, which lacks parts that are used: there the
 * package is loaded by its path.
 */
function bundleable(code) {
  const result = code.replaceAll(/\brequire\(("node:[^"]+")\)/g, 'process.getBuiltinModule($1)');
  return result.includes('require("ws")') ? `${result.replaceAll('require("ws")', 'requireWs()')}${requireWs}` : result;
}

const requireWs = `
function requireWs() {
  const { createRequire } = process.getBuiltinModule("node:module");
  try {
    if (process.versions.bun) {
      const load = createRequire(typeof __filename === "string" ? __filename : process.argv[1]);
      return load(load.resolve("ws/package.json").replace(/package\\.json$/, "index.js"));
    }
    return require("ws");
  } catch (cause) {
    if (!/^Dynamic require/.test(cause?.message)) throw cause;
    try {
      return createRequire(process.argv[1])("ws");
    } catch {
      const message = "A bundle of ES modules must define \`require\`, or have the package 'ws' in node_modules";
      throw Object.assign(new Error(message, { cause }), { code: "ERR_PRIMUS_MISSING" });
    }
  }
}
`;

function write(name, text) {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../../scripts/processes.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The imports that the files of a layer may have besides each other: layers by path, packages by name. */
interface Border {
  files: RegExp;
  layers: RegExp[];
  packages: RegExp[];
}

const operators = /^operators\//;
const core = /^src\/core\//;
const parsers = /^src\/parsers\//;
const server = /^src\/server\//;
const client = /^client\//;
const engine = /^transformers\/engine\.io\//;
const shared = /^transformers\/shared\/[^/]+$/;
const sharedClient = /^transformers\/shared\/client\//;
const sharedServer = /^transformers\/shared\/server\//;
const sharedWs = /^transformers\/shared\/ws\//;
const sharedBrowser = /^transformers\/shared\/browser\//;
const rxjs = /^rxjs$/;
const node = /^node:/;
const anyPackage = /^/;

/** `rxjs <- operators <- src/core <- { src/server | client } <- transformers`; the first rule that matches a file applies. */
const borders: Border[] = [
  { files: /^operators\//, layers: [], packages: [rxjs] },
  { files: /^src\/core\//, layers: [operators], packages: [rxjs] },
  // Its entry imports the package for bundles; the parser by name loads it on demand.
  { files: /^src\/parsers\/ejson\.ts$/, layers: [core], packages: [/^ejson$/] },
  { files: /^src\/parsers\//, layers: [core], packages: [rxjs] },
  { files: /^src\/server\//, layers: [operators, core], packages: [rxjs, node, /^nanoid$/] },
  // A backplane imports the client of its engine when it is used.
  { files: /^src\/cluster\/backplanes\//, layers: [core, server, operators], packages: [rxjs, node, /^redis$/, /^@nats-io\//] },
  // The same code on both ends, each of which it takes by its shape.
  { files: /^src\/(?:requests|contract)\//, layers: [operators, core], packages: [rxjs] },
  { files: /^src\/cluster\//, layers: [core, server, operators], packages: [rxjs, node, /^nanoid$/] },
  // The compatibility layer imports both ends. The core imports none of it, and its browser part nothing of the server.
  {
    files: /^src\/compat\/(?:browser|client|inject|event-link|legacy-emitter|querystring|recovery|timers|transforms)\.ts$/,
    layers: [operators, core, client],
    packages: [rxjs],
  },
  { files: /^src\/compat\//, layers: [operators, core, server, client], packages: [rxjs, node] },
  // The client files that know Node.js.
  { files: /^client\/platform\/(?:node|json-body|other-transformer)\.ts$/, layers: [operators, core], packages: [rxjs, node, /^ws$/] },
  { files: /^client\//, layers: [operators, core], packages: [rxjs] },
  // Shared by several transformers. It imports none of them, and no framework.
  { files: sharedServer, layers: [operators, core, server, shared], packages: [rxjs, node] },
  // The WebSockets of ws, for the servers on that package.
  { files: sharedWs, layers: [operators, core, server, shared, sharedServer], packages: [rxjs, node, /^ws$/] },
  { files: sharedClient, layers: [operators, core, client, shared], packages: [rxjs] },
  { files: sharedBrowser, layers: [core, parsers, client], packages: [] },
  { files: shared, layers: [operators, core], packages: [rxjs] },
  // A transformer may import the packages of its framework. Socket.IO uses Engine.IO, and so do both halves of its transformer.
  {
    files: /^transformers\/socket\.io\/server(?:\/[^/]+)?\.ts$/,
    layers: [operators, core, server, shared, sharedServer, sharedWs, engine],
    packages: [anyPackage],
  },
  {
    files: /^transformers\/socket\.io\/client(?:\/[^/]+)?\.ts$/,
    layers: [operators, core, client, shared, sharedClient, engine],
    packages: [anyPackage],
  },
  {
    files: /^transformers\/[^/]+\/(?:server|(?:server|engine)\/[^/]+)\.ts$/,
    layers: [operators, core, server, shared, sharedServer, sharedWs],
    packages: [anyPackage],
  },
  {
    files: /^transformers\/[^/]+\/client(?:\/[^/]+)?\.ts$/,
    layers: [operators, core, client, shared, sharedClient],
    packages: [anyPackage],
  },
  { files: /^transformers\/[^/]+\/browser\.ts$/, layers: [sharedBrowser], packages: [anyPackage] },
  { files: /^transformers\//, layers: [operators, core, shared], packages: [anyPackage] },
  // The kit for tests stands on whole servers and clients.
  {
    files: /^src\/testing\//,
    layers: [core, server, client, /^transformers\/memory\//, /^src\/(?:index|client-node)\.js$/],
    packages: [/^rxjs(\/testing)?$/, node],
  },
  // The entries choose what the layers get.
  { files: /^src\/(?:clients\/[^/]+\/)?[^/]+\.ts$/, layers: [/^/], packages: [anyPackage] },
];

/** The folder whose files may import each other: `src/core`, `client`, `transformers/websockets`, `transformers/shared/client`. */
function home(path: string): string {
  return /^(?:src\/[^/]+(?=\/)|transformers\/shared\/[^/]+(?=\/)|transformers\/[^/]+|[^/]+)/.exec(path)?.[0] ?? path;
}

const files = ['operators', 'src', 'client', 'transformers'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `${folder}/${file}`),
);

/** Every module that a source imports, types included. */
function importsOf(source: string): string[] {
  const statements = source.matchAll(/^(?:import\s+|(?:import|export)\s[^;'"()=:]*?\bfrom\s+)['"]([^'"]+)['"]/gm);
  const expressions = source.matchAll(/\b(?:import|require)\(\s*['"]([^'"]+)['"]/g);
  return [...statements, ...expressions].map(([, specifier]) => specifier as string);
}

function trespasses(file: string, source: string): string[] {
  const border = borders.find(({ files }) => files.test(file));
  if (border === undefined) return [`${file} belongs to no layer`];
  return importsOf(source)
    .filter((specifier) => {
      if (!specifier.startsWith('.')) return !border.packages.some((allowed) => allowed.test(specifier));
      const target = normalize(join(dirname(file), specifier));
      return home(target) !== home(file) && !border.layers.some((allowed) => allowed.test(target));
    })
    .map((specifier) => `${file} imports ${specifier}`);
}

describe('the layers', () => {
  it('import only what the layout allows', () => {
    expect(files.length).toBeGreaterThan(40);
    expect(files.flatMap((file) => trespasses(file, readFileSync(join(root, file), 'utf8')))).toEqual([]);
  });

  it.each([
    ['operators/exponential.ts', "import { PrimusError } from '../src/core/errors.js';"],
    ['operators/exponential.ts', "import { EventEmitter } from 'node:events';"],
    ['src/core/link.ts', "import type { Spark } from '../server/spark.js';"],
    ['src/core/link.ts', "export * from '../parsers/json.js';"],
    ['src/server/spark.ts', "import {\n  session,\n} from '../../client/session.js';"],
    ['src/server/spark.ts', "export { websockets } from '../../transformers/websockets/index.js';"],
    ['src/requests/server.ts', "import type { Spark } from '../server/spark.js';"],
    ['client/primus.ts', "import WebSocket from 'ws';"],
    ['client/primus.ts', "type Spark = import('../src/server/spark.js').Spark;"],
    ['client/platform/browser.ts', "import WebSocket from 'ws';"],
    ['transformers/memory/client.ts', "import { reject } from '../../src/server/http/reject.js';"],
    ['transformers/memory/client.ts', "import '../websockets/client.js';"],
    ['transformers/sockjs/client/link.ts', "import { reject } from '../../../src/server/http/reject.js';"],
    ['transformers/sockjs/client/link.ts', "import { nodeBytes } from '../../shared/server/node-bytes.js';"],
    ['transformers/sockjs/server/link.ts', "import { session } from '../../../client/session.js';"],
    ['transformers/sockjs/server/link.ts', "import { webBytes } from '../../shared/client/web-bytes.js';"],
    ['transformers/shared/link-base.ts', "import type { Spark } from '../../src/server/spark.js';"],
    ['transformers/shared/link-base.ts', "import { serve } from './server/serve.js';"],
    ['transformers/shared/client/http-dial.ts', "import { serve } from '../server/serve.js';"],
    ['transformers/shared/server/serve.ts', "import { WebSocketLink } from '../../websockets/server/link.js';"],
    ['transformers/shared/server/serve.ts', "import { WebSocketServer } from 'ws';"],
    ['elsewhere/file.ts', ''],
  ])('reports a forbidden import in %s: %s', (file, source) => {
    expect(trespasses(file, source)).toHaveLength(1);
  });
});

describe('a wrong-way import', () => {
  it('does not compile', () => {
    const copy = temporaryFolder('borders');
    try {
      for (const part of ['tsconfig.base.json', 'package.json', 'operators', 'src/core'])
        cpSync(join(root, part), join(copy, part), { recursive: true });
      symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'junction');
      expect(compile(copy)).toEqual({ status: 0, output: '' });

      writeFileSync(join(copy, 'operators/trespass.ts'), "export { PrimusError } from '../src/core/errors.js';\n");
      const { status, output } = compile(copy);
      expect(status).not.toBe(0);
      expect(output).toMatch(/operators\/trespass\.ts.*error TS6(059|307)/);
    } finally {
      removeFolder(copy);
    }
  });

  function compile(cwd: string): { status: number | null; output: string } {
    const { status, stdout } = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b', 'src/core'], {
      cwd,
      encoding: 'utf8',
    });
    return { status, output: stdout };
  }
});

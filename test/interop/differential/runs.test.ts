import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createContext, runInContext } from 'node:vm';
import WebSocket from 'ws';
import { kill, removeFolder, start, temporaryFolder } from '../../../scripts/processes.mjs';
import type { Any, Stage } from '../defects/stage.js';
import { compare, type Scenario } from './compare.js';

const root = join(import.meta.dirname, '../../..');

/** Runs a program in a process of its own, with `Primus` of the stage's package in scope, and the rest of the arguments as `args`. */
function run({ make }: Stage, program: string, ...args: string[]) {
  const name = make === 'ours' ? 'primus-rx' : 'primus';
  const head = `const Primus = require('${name}'), http = require('http'), args = process.argv.slice(1);\n`;
  return start(process.execPath, ['-e', head + program, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
}

const SERVER = `const server = http.createServer(), primus = new Primus(server, { transformer: args[0] });
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
`;

/** Returns what a plain WebSocket receives from a server whose process exits in the turn in which it writes. */
async function fromServer(stage: Stage, transformer: string, program: string): Promise<unknown> {
  const child = run(stage, SERVER + program, transformer);
  try {
    // Ends with the program, should it fail.
    const { value: port } = await (child.stdout as NodeJS.ReadableStream)[Symbol.asyncIterator]().next();
    const socket = new WebSocket(`ws://127.0.0.1:${Number(port)}/primus`);
    const received: string[] = [];
    socket.on('error', () => {}).on('message', (data) => received.push(String(data)));
    socket.once('open', () => socket.send('"go"'));
    await once(socket, 'close');
    return received;
  } finally {
    await kill(child);
  }
}

/** Returns what a server receives from a client whose process exits in the turn in which it writes. */
async function fromClient(stage: Stage, transformer: string, program: string): Promise<unknown> {
  const { primus, url } = await stage.serve({ transformer });
  const received: unknown[] = [];
  const announced = once(primus, 'connection');
  const head = 'const client = new (Primus.createSocket({ transformer: args[0] }))(args[1]);\n';
  const child = run(stage, head + program, transformer, url);
  try {
    const [spark] = await announced;
    spark.on('data', (data: unknown) => received.push(data));
    await once(spark, 'end');
    return received;
  } finally {
    await kill(child);
  }
}

const websockets = ['websockets', 'faye'];

const exits: Scenario[] = websockets.flatMap((transformer) => [
  {
    name: `${transformer}: what a spark wrote leaves although the process exits in the same turn`,
    run: (stage) =>
      fromServer(
        stage,
        transformer,
        "primus.on('connection', (spark) => spark.on('data', () => { spark.write('one'); spark.write('two'); process.exit(); }));",
      ),
  },
  {
    name: `${transformer}: a broadcast leaves although the process exits in the same turn`,
    run: (stage) =>
      fromServer(
        stage,
        transformer,
        "primus.on('connection', (spark) => spark.on('data', () => { primus.write('all'); process.exit(); }));",
      ),
  },
  {
    name: `${transformer}: what a client wrote in a listener of open leaves although the process exits`,
    run: (stage) => fromClient(stage, transformer, "client.on('open', () => { client.write('last'); process.exit(); });"),
  },
  {
    name: `${transformer}: what a client wrote later leaves although the process exits`,
    run: (stage) => fromClient(stage, transformer, "client.on('open', () => setTimeout(() => { client.write('last'); process.exit(); }));"),
  },
  {
    name: `${transformer}: what a client has buffered leaves although a listener of open ends the process`,
    run: (stage) => fromClient(stage, transformer, "client.write('first'); client.on('open', () => process.exit());"),
  },
]);

/** Returns what a program sees that requires a saved library. The folder is in this package, where ws is found. */
async function saved(stage: Stage, transformer: string): Promise<unknown> {
  const { primus, url } = await stage.serve({ transformer });
  primus.on('connection', (spark: Any) => spark.on('data', (data: unknown) => spark.write({ echo: data })));
  const folder = temporaryFolder('saved', join(root, 'dist'));
  try {
    writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }');
    primus.save(join(folder, 'client.js'));
    const program = `const Client = require(args[0]), client = new Client(args[1]);
client.on('open', () => client.write('hello'));
client.on('data', (data) => {
  console.log(JSON.stringify([data, client instanceof require('stream'), typeof client.pipe, typeof globalThis.Primus]));
  process.exit();
});`;
    const child = run(stage, program, join(folder, 'client.js'), url);
    return await text(child.stdout as NodeJS.ReadableStream);
  } finally {
    removeFolder(folder);
  }
}

/** Returns where a library is found after it has run in a context of this kind. */
async function defined(stage: Stage, make: (context: Any, calls: unknown[]) => void): Promise<unknown> {
  const { primus } = await stage.serve();
  const calls: unknown[] = [];
  const context: Any = { addEventListener() {}, removeEventListener() {}, setTimeout, clearTimeout, URL, WebSocket: class {} };
  make(context, calls);
  createContext(context);
  runInContext(primus.library(), context);
  return [typeof context.Primus, typeof context.module?.exports, typeof context.exports?.Primus, calls];
}

const inPage = (context: Any) => Object.assign(context, { window: context, self: context });
const amd = (calls: unknown[]) => Object.assign((factory: () => unknown) => calls.push(typeof factory()), { amd: {} });

const loading: Scenario[] = [
  ...websockets.map((transformer) => ({
    name: `${transformer}: a saved library connects in Node.js`,
    run: (stage: Stage) => saved(stage, transformer),
  })),
  { name: 'a page', run: (stage) => defined(stage, inPage) },
  {
    name: 'a page with an AMD loader',
    run: (stage) => defined(stage, (context, calls) => Object.assign(inPage(context), { define: amd(calls) })),
  },
  {
    name: 'a page with `module`',
    run: (stage) => defined(stage, (context) => Object.assign(inPage(context), { module: { exports: {} } })),
  },
  {
    name: 'a page with `module` and an AMD loader',
    run: (stage) => defined(stage, (context, calls) => Object.assign(inPage(context), { module: { exports: {} }, define: amd(calls) })),
  },
  { name: 'a page with `exports` alone', run: (stage) => defined(stage, (context) => Object.assign(inPage(context), { exports: {} })) },
  {
    name: 'a page with a `module` without exports',
    run: (stage) => defined(stage, (context) => Object.assign(inPage(context), { module: {} })),
  },
  {
    name: 'a page with a `define` that is no AMD loader',
    run: (stage) => defined(stage, (context, calls) => Object.assign(inPage(context), { define: () => calls.push('define') })),
  },
  { name: 'a worker', run: (stage) => defined(stage, (context) => Object.assign(context, { self: context })) },
];

compare('a process that exits', exits);
compare('the library, where it is loaded', loading);

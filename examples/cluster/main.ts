// `npm run cluster`: an engine, two nodes, and HAProxy in front of them, each a process of its own. One that ends is started again.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** How long a program that has ended stays away, in ms: the others notice after 5 s. */
const AWAY = 8_000;

const ENGINES = {
  redis: {
    program: 'redis-server',
    args: (port: number, folder: string) => ['--bind', '127.0.0.1', '--port', `${port}`, '--dir', folder, '--save', ''],
  },
  nats: {
    program: 'nats-server',
    args: (port: number, folder: string) => ['--addr', '127.0.0.1', '--port', `${port}`, '--jetstream', '--store_dir', folder],
  },
};

const name = process.argv.includes('--nats') ? 'nats' : 'redis';
const { program, args } = ENGINES[name];
const engine = find(program);
const haproxy = find('haproxy');
if (engine === undefined) {
  console.error(`${program} was not found. On Debian and Ubuntu: sudo apt-get install ${program}`);
  process.exit(1);
}

const stopNodes = new AbortController();
const stopOthers = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stopNodes.abort());

const folder = mkdtempSync(join(tmpdir(), 'primus-rx-cluster-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

const port = Number(process.env.PORT ?? 8080) || (await freePort());
const ports = haproxy === undefined ? [port, port + 1] : [await freePort(), await freePort()];
const enginePort = await freePort();

const others = [keep(program, stopOthers.signal, () => run(engine, args(enginePort, folder)))];
const nodes = ports.map((at, index) => keep(`node-${index + 1}`, stopNodes.signal, () => startNode(`node-${index + 1}`, at)));

if (await answer(ports)) {
  if (haproxy === undefined) {
    console.log('haproxy was not found. On Debian and Ubuntu: sudo apt-get install haproxy');
    console.log('Without it each node has a port of its own, and a page waits until its node is back.');
    console.log(`The chat is at ${ports.map((at) => `http://localhost:${at}`).join(' and ')}`);
  } else {
    // Behind the nodes, so that it finds both.
    others.push(keep('haproxy', stopOthers.signal, () => run(haproxy, ['-db', '-f', source('haproxy.cfg')])));
    if (await answer([port])) console.log(`The chat is at http://localhost:${port}`);
  }
}

// The nodes say goodbye to each other: so the engine goes last.
await Promise.all(nodes);
stopOthers.abort();
await Promise.all(others);

/** Keeps a program running until the signal aborts. Resolves when it has ended. */
async function keep(name: string, signal: AbortSignal, begin: () => ChildProcess): Promise<void> {
  while (!signal.aborted) {
    const child = begin();
    const stop = () => child.kill('SIGTERM');
    signal.addEventListener('abort', stop);
    const [code, cause] = await once(child, 'exit');
    signal.removeEventListener('abort', stop);
    if (signal.aborted || stopNodes.signal.aborted) return;
    console.log(`${name} has ended (${cause ?? code}), and is started again in ${AWAY / 1000} s`);
    await pause(AWAY, undefined, { signal }).catch(() => {});
  }
}

function run(file: string, args: readonly string[]): ChildProcess {
  const [NODE_1, NODE_2] = ports;
  const env = { ...process.env, PROXY: `${port}`, NODE_1: `${NODE_1}`, NODE_2: `${NODE_2}` };
  return spawn(file, args, { env, stdio: 'ignore' });
}

function startNode(node: string, at: number): ChildProcess {
  const env = { ...process.env, NODE: node, PORT: `${at}`, ENGINE: `${name}://127.0.0.1:${enginePort}` };
  return fork(new URL('./server.js', import.meta.url), { env });
}

/** Waits until all ports accept connections. Returns false when the cluster is stopped before. */
async function answer(ports: readonly number[]): Promise<boolean> {
  for (const port of ports) {
    while (!stopNodes.signal.aborted && !(await accepts(port))) await pause(50);
  }
  return !stopNodes.signal.aborted;
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Returns an unused port, below those that the system gives to outgoing connections: it stays free while a program restarts. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    server.close();
    if (isFree) return port;
  }
}

/** Returns the path of a program, also in the folders of servers; `undefined` when there is none. */
function find(program: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, program)).find(existsSync);
}

/** Returns the path of a file of this example that is not compiled. This program runs from `dist/examples/cluster/`. */
function source(file: string): string {
  return fileURLToPath(new URL(`../../../examples/cluster/${file}`, import.meta.url));
}

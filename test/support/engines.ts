import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { findProgram } from '../../scripts/apt.mjs';
import { kill, removeFolder, signal, start, temporaryFolder } from '../../scripts/processes.mjs';
import { freePort } from './ports.js';
import { LIMIT, until } from './wait.js';

/** A server of an engine, with the faults that tests need. It ends with this process at the latest. */
export class Engine {
  /** The port of the server. It stays the same after a restart. */
  port = 0;
  readonly folder: string;
  readonly #command: string;
  readonly #args: (port: number) => readonly string[];
  readonly #ready: RegExp;
  #child: ChildProcess | undefined;

  constructor(command: string, ready: RegExp, args: (port: number, folder: string) => readonly string[]) {
    this.folder = temporaryFolder(command);
    this.#command = command;
    this.#ready = ready;
    this.#args = (port) => args(port, this.folder);
  }

  /** Starts the server; resolves when it accepts connections. */
  async start(port: number): Promise<void> {
    this.port = port;
    const child = start(findProgram(this.#command) ?? this.#command, this.#args(port), { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    let output = '';
    for (const stream of [child.stdout, child.stderr] as Readable[])
      stream.on('data', (chunk) => (output = `${output}${chunk}`.slice(-5000)));
    await until(() => this.#ready.test(output) || child.exitCode !== null);
    if (child.exitCode !== null) throw new Error(`${this.#command} has ended: ${output}`);
  }

  /** Stops the process as SIGSTOP does: its connections stay open, and nothing is answered. */
  stop(): void {
    if (this.#child) signal(this.#child, 'SIGSTOP');
  }

  /** Continues a stopped process. */
  continue(): void {
    if (this.#child) signal(this.#child, 'SIGCONT');
  }

  /** Ends the process as `kill -9` does. */
  async kill(): Promise<void> {
    if (this.#child) await kill(this.#child);
  }

  /** Starts a killed server again, on its port and with its folder. */
  async restart(): Promise<void> {
    await this.kill();
    await this.start(this.port);
  }

  /** Ends the server and removes its folder. */
  async close(): Promise<void> {
    await this.kill();
    removeFolder(this.folder);
  }
}

/** The options of `startRedis`. */
export interface RedisEngineOptions {
  /** Whether it is a Redis Cluster: of one server that has all slots. */
  cluster?: boolean;
  /** Whether it keeps its data in its folder. */
  persist?: boolean;
  /** More arguments of `redis-server`. */
  args?: readonly string[];
}

/** Starts a Redis server on a free port. Close it after the tests. */
export async function startRedis({ cluster = false, persist = false, args = [] }: RedisEngineOptions = {}): Promise<Engine> {
  const engine = new Engine('redis-server', /Ready to accept connections/, (port, folder) => [
    ...['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', persist ? 'yes' : 'no'],
    ...(cluster ? ['--cluster-enabled', 'yes'] : []),
    ...args,
  ]);
  // Another program may have taken the port meanwhile; a cluster also needs the one 10,000 above.
  for (let attempt = 1; ; attempt += 1) {
    try {
      await engine.start(await freePort());
      break;
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
  if (cluster) {
    await redisCli(engine, 'CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await until(async () => (await redisCli(engine, 'CLUSTER', 'INFO')).includes('cluster_state:ok'));
  }
  return engine;
}

/** Runs a command on a Redis server. */
export async function redisCli(engine: Engine, ...command: string[]): Promise<string> {
  const child = start('redis-cli', ['-p', `${engine.port}`, ...command], { stdio: ['ignore', 'pipe', 'inherit'], timeout: LIMIT });
  let output = '';
  (child.stdout as Readable).on('data', (chunk) => (output += chunk));
  await once(child, 'close');
  return output;
}

/** Starts a NATS server with JetStream on a free port. Close it after the tests. */
export async function startNats(args: readonly string[] = []): Promise<Engine> {
  const engine = new Engine('nats-server', /Server is ready/, (port, folder) => [
    ...['-a', '127.0.0.1', '-p', `${port || -1}`, '-js', '-sd', folder, '--ports_file_dir', folder],
    ...args,
  ]);
  await engine.start(0);
  // Written behind the message, and not at once.
  const ports = () =>
    readdirSync(engine.folder).flatMap((name) => (name.endsWith('.ports') ? [readFileSync(join(engine.folder, name), 'utf8')] : []));
  await until(() => ports().some((text) => text.trimEnd().endsWith('}')));
  const { nats } = JSON.parse(ports()[0] as string) as { nats: [string] };
  engine.port = Number(new URL(nats[0]).port);
  return engine;
}

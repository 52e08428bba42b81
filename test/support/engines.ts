import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { requireProgram } from '../../scripts/apt.mjs';
import { freePort } from '../../scripts/ports.mjs';
import { kill, removeFolder, signal, start, temporaryFolder } from '../../scripts/processes.mjs';
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
    const child = start(requireProgram(this.#command), this.#args(port), { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    let output = '';
    for (const stream of [child.stdout, child.stderr] as Readable[])
      stream.on('data', (chunk) => (output = `${output}${chunk}`.slice(-5000)));
    await until(() => this.#ready.test(output) || child.exitCode !== null);
    if (child.exitCode !== null) throw new Error(`${this.#command} has ended: ${output}`);
  }

  /** Stops the process as SIGSTOP does: its connections stay open, and nothing is answered. Resolves when none of its threads runs any more. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    signal(child, 'SIGSTOP');
    const tasks = `/proc/${child.pid}/task`;
    const isStopped = (task: string) => /\) [TZX] /.test(readFileSync(join(tasks, task, 'stat'), 'latin1'));
    await until(() => {
      try {
        return readdirSync(tasks).every(isStopped);
      } catch {
        // A thread has ended meanwhile, or the system shows none.
        return !existsSync(tasks);
      }
    });
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
  /** Whether it is a Redis Cluster: of one server that has all slots, or a server of one that has none yet. */
  cluster?: boolean | 'without slots';
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
  await startOnFreePort(engine);
  if (cluster === true) {
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

/** The options of `startNats`. */
export interface NatsEngineOptions {
  /** Whether it has JetStream. @defaultValue true */
  jetStream?: boolean;
  /** The configuration, which is read again by `restart`: it is in `nats.conf` in the folder of the engine. */
  config?: string;
}

/** Starts a NATS server on a free port. Close it after the tests. */
export async function startNats({ jetStream = true, config = '' }: NatsEngineOptions = {}): Promise<Engine> {
  const engine = new Engine('nats-server', /Server is ready/, (port, folder) => [
    ...['-a', '127.0.0.1', '-p', `${port}`, '-c', join(folder, 'nats.conf')],
    ...(jetStream ? ['-js', '-sd', folder] : []),
  ]);
  writeFileSync(join(engine.folder, 'nats.conf'), config);
  await startOnFreePort(engine);
  return engine;
}

/** Starts an engine. Another program may take the port before it does; a Redis Cluster also needs the one 10,000 above. */
async function startOnFreePort(engine: Engine): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await engine.start(await freePort());
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}

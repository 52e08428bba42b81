import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { kill, start } from '../../scripts/processes.mjs';

const program = fileURLToPath(new URL('../../dist/examples/deployment/server.js', import.meta.url));

/** A server of the example in a process of its own. */
export interface Backend {
  readonly port: number;
  readonly pid: number;
  /** Shuts it down, as a supervisor does. */
  terminate(): void;
  readonly exit: Promise<unknown>;
  stop(): Promise<void>;
}

/** Starts one; `drain` is how long it waits for its clients when it shuts down, in ms. */
export async function startBackend({
  transformer,
  port = 0,
  drain = 0,
}: {
  transformer: string;
  port?: number;
  drain?: number;
}): Promise<Backend> {
  const env = { ...process.env, PORT: String(port), TRANSFORMER: transformer, DRAIN: String(drain) };
  const child = start(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout as Readable })) {
    const listening = /Listening on (\d+)/.exec(line)?.[1];
    if (listening === undefined) continue;
    return {
      port: Number(listening),
      pid: child.pid as number,
      exit,
      terminate: () => void child.kill('SIGTERM'),
      stop: () => kill(child),
    };
  }
  throw new Error('The server ended before it listened');
}

import { onTestFinished } from 'vitest';
import { resumable } from '../../client/resume.js';
import type { ClientOptions, PrimusError, Spark } from '../../src/index.js';
import { type RequestOptions, requests } from '../../src/request.js';
import { World, type WorldOptions } from '../support/world.js';

export interface Setting {
  world?: WorldOptions;
  client?: ClientOptions;
  /** Whether both ends have sessions. */
  session?: boolean;
  /** The options of the server's, and of the client's requests. */
  onServer?: RequestOptions;
  onClient?: RequestOptions;
}

/** A server with requests, and a client, in virtual time. */
export function start({ world: options = {}, client: clientOptions = {}, session = false, onServer = {}, onClient = {} }: Setting = {}) {
  const world = new World({ latency: 1, ...options, server: { pingInterval: false, ...(session && { resume: true }), ...options.server } });
  onTestFinished(() => world.destroy());
  const server = requests(world.primus, onServer);
  const logged: unknown[] = [];
  world.primus.on('log', (_level: string, ...values: unknown[]) => logged.push(...values));
  const peer = world.connect(
    { reconnect: { min: 20, max: 20, retries: Infinity }, ...(session && { resume: true }), ...clientOptions },
    session ? { session: resumable } : {},
  );
  const { client } = peer;
  const errors: PrimusError[] = [];
  client.on('error', (error) => errors.push(error as PrimusError));
  return {
    world,
    server,
    client: requests(client, onClient),
    peer,
    primusClient: client,
    errors,
    logged,
    spark: () => world.findSpark(peer) as Spark,
  };
}

export type Started = ReturnType<typeof start>;

/** Records what an answer emits, in order. */
export function record(answer: { subscribe(observer: object): { unsubscribe(): void } }) {
  const log: unknown[] = [];
  const subscription = answer.subscribe({
    next: (value: unknown) => log.push(value),
    error: (error: Partial<PrimusError>) => log.push(error.code ?? error),
    complete: () => log.push('done'),
  });
  return { log, subscription };
}

/** Records how a promise settles. */
export function settled(promise: Promise<unknown>) {
  const log: unknown[] = [];
  promise.then(
    (value) => log.push(value),
    (error: PrimusError) => log.push(error.code ?? error),
  );
  return log;
}

/** The types of the frames about requests in each direction. */
export function framesOf({ world }: Started) {
  const words = (frames: string[]) => frames.filter((frame) => frame.startsWith('["primus::request')).map((frame) => JSON.parse(frame)[0]);
  return {
    up: words(world.network.pairs.flatMap(({ up }) => up)),
    down: words(world.network.pairs.flatMap(({ down }) => down)),
  };
}

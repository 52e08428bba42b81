import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Primus } from '../../../src/index.js';
import { until } from '../../support/wait.js';
import { type Any, type Make, pause, Stage } from '../defects/stage.js';

const original = createRequire(import.meta.url)('primus');
const file = (path: string) => readFileSync(join(import.meta.dirname, path), 'utf8');
const migrating = file('../../../docs/migrating.md');

/** A story in which the events of one end are different. */
interface Difference {
  readonly story: string;
  readonly end: 'server' | 'client';
  /** The first cells of the rows in docs/migrating.md that give the reasons. */
  readonly rows: readonly string[];
  readonly original: string;
  readonly ours: string;
}

const differences = JSON.parse(file('stories.json')) as Difference[];
/** The row of the differences that only private events have. */
const PRIVATE = '`incoming::` and `outgoing::` events';

/** The events of servers, sparks and clients of 8.0.9, the private ones included. Their arguments are in the same table. */
const EVENTS = Object.keys(JSON.parse(file('../../compat/surface.json')))
  .map((row) => /^(server|spark|client) event '(.*)'$/.exec(row)?.slice(1))
  .filter((found) => found !== undefined);

/** Records every event of an emitter, and whether the emitter is `this` of its listeners. */
function record(kind: 'server' | 'spark' | 'client', emitter: Any, log: string[]): void {
  for (const [of, event] of EVENTS) {
    if (of !== kind || event === undefined) continue;
    emitter.on(event, function (this: unknown) {
      log.push(`${kind === 'client' ? '' : `${kind} `}${event}${this === emitter ? '' : ' on another'}`);
    });
  }
}

/** The server and the client of a story. */
interface Cast {
  readonly primus: Any;
  readonly client: Any;
  /** The latest spark. */
  spark: Any;
  /** Resolves when an end has emitted an event. */
  readonly emitted: (event: string) => Promise<void>;
}

interface Story {
  /** Whether it is about the socket of a WebSocket: frameworks lose and close theirs in other ways. */
  readonly usesSocket?: true;
  readonly server?: object;
  readonly client?: object;
  readonly run: (cast: Cast) => unknown;
}

/** Returns the events of both ends during a story, each with an order of its own. */
async function play(stage: Stage, { server = {}, client: options = {}, run }: Story) {
  const { primus, connect } = await stage.serve(server);
  const logs = { server: [] as string[], client: [] as string[] };
  const client = connect({ manual: true, pingTimeout: false, ...options });
  record('server', primus, logs.server);
  record('client', client, logs.client);
  const emitted = (event: string) => until(() => logs.server.includes(event) || logs.client.includes(event));
  const cast: Cast = { primus, client, spark: undefined, emitted };
  primus.on('connection', (spark: Any) => {
    cast.spark = spark;
    record('spark', spark, logs.server);
  });
  await run(cast);
  // The server may learn later that the client has ended.
  if (logs.client.includes('end') && cast.spark !== undefined) await emitted('spark end');
  await pause(30);
  return { server: logs.server.join(' · '), client: logs.client.join(' · ') };
}

const opened = async ({ client, emitted }: Cast) => {
  client.open();
  await Promise.all([emitted('open'), emitted('server connection')]);
};

const STORIES: Record<string, Story> = {
  'a connection': { run: opened },
  'messages in both directions': {
    async run(cast) {
      await opened(cast);
      cast.client.write({ hello: 'server' });
      await cast.emitted('spark data');
      cast.spark.write({ hello: 'client' });
      await cast.emitted('data');
    },
  },
  'an id': {
    async run(cast) {
      await opened(cast);
      await new Promise((resolve) => cast.client.id(resolve));
    },
  },
  'a ping': {
    server: { pingInterval: 250 },
    async run(cast) {
      await opened(cast);
      await cast.emitted('spark heartbeat');
      cast.client.end();
      await cast.emitted('end');
    },
  },
  'frames that cannot be decoded': {
    usesSocket: true,
    async run(cast) {
      await opened(cast);
      cast.client.socket.send('{');
      await cast.emitted('spark error');
      cast.spark.socket.send('{');
      await cast.emitted('error');
    },
  },
  'spark.end()': {
    async run(cast) {
      await opened(cast);
      cast.spark.end();
      await cast.emitted('end');
    },
  },
  'spark.end(data)': {
    async run(cast) {
      await opened(cast);
      cast.spark.end('bye');
      await cast.emitted('end');
    },
  },
  'spark.end() with reconnect': {
    async run(cast) {
      await opened(cast);
      cast.spark.end(undefined, { reconnect: true });
      await cast.emitted('reconnected');
    },
  },
  'client.end()': {
    async run(cast) {
      await opened(cast);
      cast.client.end();
      await cast.emitted('spark end');
    },
  },
  'client.end(data)': {
    async run(cast) {
      await opened(cast);
      cast.client.end('bye');
      await cast.emitted('spark end');
    },
  },
  'client.destroy()': {
    async run(cast) {
      await opened(cast);
      cast.client.destroy();
      await cast.emitted('spark end');
    },
  },
  'a connection that drops, and a reconnection': {
    usesSocket: true,
    async run(cast) {
      await opened(cast);
      cast.spark.request.socket.destroy();
      await cast.emitted('reconnected');
    },
  },
  'a connection that drops, without a reconnection': {
    usesSocket: true,
    client: { strategy: false },
    async run(cast) {
      await opened(cast);
      cast.spark.request.socket.destroy();
      await cast.emitted('end');
    },
  },
  'a refused authorization': {
    client: { reconnect: { min: 1, max: 5, retries: 1 } },
    async run(cast) {
      cast.primus.authorize((_request: unknown, done: (error: Error) => void) => done(new Error('no')));
      cast.client.open();
      await cast.emitted('end');
    },
  },
  'a connection listener that refuses': {
    async run(cast) {
      cast.primus.on('connection', (_spark: Any, next: (error: Error) => void) => next(new Error('full')));
      cast.client.open();
      await cast.emitted('end');
    },
  },
  'a server that is not there': {
    client: { reconnect: { min: 1, max: 5, retries: 2 } },
    async run(cast) {
      await new Promise((resolve) => cast.primus.destroy({}, resolve));
      cast.client.open();
      await Promise.all([cast.emitted('reconnect failed'), cast.emitted('end')]);
    },
  },
  'a silent server': {
    usesSocket: true,
    server: { pingInterval: false },
    client: { pingTimeout: 40 },
    async run(cast) {
      await opened(cast);
      await cast.emitted('reconnected');
      cast.client.end();
    },
  },
  'plugins that come and go': {
    run({ primus }) {
      primus.plugin('mine', { client() {} });
      primus.plugout('mine');
    },
  },
  'an asynchronous connection listener that accepts': {
    async run(cast) {
      const accepted = new Promise<void>((resolve) =>
        cast.primus.on('connection', (_spark: Any, next: () => void) =>
          setTimeout(() => {
            next();
            resolve();
          }, 5),
        ),
      );
      await opened(cast);
      await accepted;
      cast.client.write('message');
      await cast.emitted('spark data');
    },
  },
  'a broadcast': {
    async run(cast) {
      await opened(cast);
      cast.primus.write('all');
      await cast.emitted('data');
    },
  },
  'client.end() while it waits for an attempt': {
    usesSocket: true,
    client: { reconnect: { min: 5_000, max: 5_000 } },
    async run(cast) {
      await opened(cast);
      cast.spark.request.socket.destroy();
      await cast.emitted('reconnect scheduled');
      await cast.emitted('spark end');
      cast.client.end();
    },
  },
  'the shutdown of the server': {
    async run(cast) {
      await opened(cast);
      await new Promise((resolve) => cast.primus.destroy({}, resolve));
      await cast.emitted('end');
    },
  },
  'the shutdown of the server, with reconnect': {
    client: { reconnect: { min: 5_000, max: 5_000 } },
    async run(cast) {
      await opened(cast);
      await new Promise((resolve) => cast.primus.destroy({ reconnect: true }, resolve));
      await cast.emitted('reconnect scheduled');
    },
  },
};

let stage: Stage | undefined;
afterEach(() => stage?.leave());

async function played(make: Make, Package: Any, story: Story) {
  stage = new Stage(make, Package);
  const logs = await play(stage, story);
  await stage.leave();
  return logs;
}

const withoutPrivate = (log: string) =>
  log
    .split(' · ')
    .filter((event) => !/(incoming|outgoing)::/.test(event))
    .join(' · ');

describe('every event of both ends, in its order and with its `this`', () => {
  it.each(Object.entries(STORIES))('%s', async (name, story) => {
    const theirs = await played('original', original, story);
    const ours = await played('ours', Primus, story);
    for (const end of ['server', 'client'] as const) {
      const listed = differences.find((difference) => difference.story === name && difference.end === end);
      const both = { original: theirs[end], ours: ours[end] };
      if (listed === undefined) expect(both.ours).toBe(both.original);
      else expect(both).toEqual({ original: listed.original, ours: listed.ours });
    }
  });
});

describe.each(['faye', 'sockjs'])('every public event of both ends, with %s', (transformer) => {
  it.each(Object.entries(STORIES).filter(([, { usesSocket }]) => !usesSocket))('%s', async (name, story) => {
    const other: Story = { ...story, server: { ...story.server, transformer } };
    const theirs = await played('original', original, other);
    const ours = await played('ours', Primus, other);
    for (const end of ['server', 'client'] as const) {
      const listed = differences.find((difference) => difference.story === name && difference.end === end);
      const both = { original: withoutPrivate(theirs[end]), ours: withoutPrivate(ours[end]) };
      // Primus 8 logs two messages of sockjs for each connection.
      if (transformer === 'sockjs') both.original = both.original.replaceAll('server log · server log · ', '');
      if (listed === undefined) expect(both.ours).toBe(both.original);
      else expect(both).toEqual({ original: withoutPrivate(listed.original), ours: withoutPrivate(listed.ours) });
    }
  });
});

// With Primus 8 it depends on the moment whether a connection over engine.io ends with an error, and whether its last message arrives.
describe('every public event of both ends, with engine.io', () => {
  it.each(Object.entries(STORIES).filter(([, { usesSocket }]) => !usesSocket))('%s, is as over a WebSocket', async (_name, story) => {
    const plain = await played('ours', Primus, story);
    const { server, client } = await played('ours', Primus, { ...story, server: { ...story.server, transformer: 'engine.io' } });
    expect([server, client].map(withoutPrivate)).toEqual([plain.server, plain.client].map(withoutPrivate));
  });
});

describe('the listed differences', () => {
  it.each(differences)('of $story, $end: have rows in docs/migrating.md', ({ story, rows, ...both }) => {
    expect(STORIES).toHaveProperty([story]);
    expect(both.ours).not.toBe(both.original);
    for (const row of rows) expect(migrating).toContain(`| ${row} |`);
    const isPublic = withoutPrivate(both.ours) !== withoutPrivate(both.original);
    expect(rows.some((row) => row !== PRIVATE)).toBe(isPublic);
  });
});

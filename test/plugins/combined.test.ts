import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { cleanup, event, serve, until } from '../support/serve.js';
import { answer, withClients } from './clients.js';
import { type Any, missing, plugin, published, suite } from './published.js';

// Not covered: `backbone.primus` is not in the registry of npm any more.

/** A server with these plugins, which are added in this order. */
async function serveWith(names: string[], options = {}) {
  const served = await serve(options);
  for (const name of names) served.primus.plugin(name, plugin(name));
  return { ...served, primus: served.primus as Any };
}

/** Calls a function whose callback has no error. */
function reply(call: (done: (...values: unknown[]) => void) => unknown): Promise<unknown[]> {
  return new Promise((resolve) => call((...values) => resolve(values)));
}

/** The resource of the README. */
const creatures = {
  oncommand(spark: Any, command: string, done: (text: string) => void) {
    done(`Creature just got command: ${command} of ${typeof spark.id}`);
  },
  onwalk(_spark: Any, done: (text: string) => void) {
    done('Creature started to walk');
  },
};

describe.skipIf(missing)(suite('primus-resource'), () => {
  it('calls the methods of a resource', async () => {
    const served = await serveWith(['primus-multiplex', 'primus-emitter', 'primus-resource']);
    served.primus.resource('creature', creatures);
    const creature = (served.connect() as Any).resource('creature');
    await event(creature, 'ready');
    expect(await reply((done) => creature.command('sleep', done))).toEqual(['Creature just got command: sleep of string']);
    expect(await reply((done) => creature.walk(done))).toEqual(['Creature started to walk']);
  });

  it('takes methods that are added to the resource', async () => {
    const served = await serveWith(['primus-multiplex', 'primus-emitter', 'primus-resource']);
    const resource = served.primus.resource('creature');
    resource.oncommand = (_spark: Any, command: string, done: (text: string) => void) => done(`${command}!`);
    const creature = (served.connect() as Any).resource('creature');
    await event(creature, 'ready');
    expect(await reply((done) => creature.command('sleep', done))).toEqual(['sleep!']);
  });

  it('works without primus-multiplex', async () => {
    const served = await serveWith(['primus-emitter', 'primus-resource']);
    served.primus.resource('creature', creatures, false);
    const creature = (served.connect() as Any).resource('creature', false);
    await event(creature, 'ready');
    expect(await reply((done) => creature.walk(done))).toEqual(['Creature started to walk']);
  });
});

describe.skipIf(missing)(suite('primus-rooms, primus-emitter, primus-multiplex and primus-resource together'), () => {
  const all = ['primus-multiplex', 'primus-emitter', 'primus-rooms', 'primus-resource'];

  it('have rooms and events in channels, and resources beside them', async () => {
    const served = await serveWith(all);
    served.primus.resource('creature', creatures);
    const channel = served.primus.channel('news');
    const joined = new Promise<Any>((resolve) => {
      channel.on('connection', (member: Any) => {
        member.on('ask', (question: string, done: (text: string) => void) => done(`${question}!`));
        member.join('sports', () => resolve(member));
      });
    });
    const client = served.connect() as Any;
    const creature = client.resource('creature');
    const news = client.channel('news');
    const got: unknown[] = [];
    news.on('data', (data: unknown) => got.push(data));
    const [member] = await Promise.all([joined, event(creature, 'ready')]);
    const scored = event(news, 'score');
    channel.room('sports').write('headline');
    channel.room('sports').send('score', 1, 2);
    channel.room('other').write('not for this one');
    expect(await scored).toEqual([1, 2]);
    expect(got[0]).toBe('headline');
    expect(await reply((done) => news.send('ask', 'why', done))).toEqual(['why!']);
    expect(await reply((done) => creature.command('sleep', done))).toEqual(['Creature just got command: sleep of string']);
    expect([member.rooms(), channel.room('sports').clients().length, got.includes('not for this one')]).toEqual([['sports'], 1, false]);
  });

  it.each([[['primus-rooms', 'primus-emitter']], [['primus-emitter', 'primus-rooms']]])(
    'send events to the members of a room: %j',
    async (order) => {
      const served = await serveWith(order);
      const [first, second] = await withClients(served, 2);
      await reply((done) => first.spark.join('a b', done));
      const received = event(first, 'notice');
      served.primus.room('a').send('notice', 'x');
      served.primus.room('b').except(first.spark.id).write('for the others in b');
      served.primus.room('a').write('last');
      expect(await received).toEqual(['x']);
      await until(() => first.got.includes('last'));
      expect([first.got.includes('for the others in b'), second.got, first.spark.rooms()]).toEqual([false, [], ['a', 'b']]);
    },
  );
});

describe.skipIf(missing)(suite('primus-spark-latency'), () => {
  // Not covered: a later latency. It listens for pings of clients, but since Primus 8 servers ping.
  it('has the latency of the connection', async () => {
    const [{ spark }] = (await withClients(await serveWith(['primus-spark-latency']), 1)) as [Any];
    expect(spark.latency).toBeTypeOf('number');
  });
});

describe.skipIf(missing)(suite('primus-express-session'), () => {
  it('finds the session of the cookie', async () => {
    const require = createRequire(new URL('./node_modules/primus-express-session/index.js', import.meta.url));
    const { MemoryStore } = require('connect').session;
    const { sign } = createRequire(require.resolve('connect'))('cookie-signature');
    const store = new MemoryStore();
    const { primus, url } = await serve({ session: { secret: 'your secret here', store } });
    primus.plugin('session', published('primus-express-session'));
    const expires = new Date(Date.now() + 60_000);
    await answer((done) => store.set('mine', { cookie: { expires }, username: 'john' }, done));
    const cookie = `connect.sid=${encodeURIComponent(`s:${sign('mine', 'your secret here')}`)}`;
    const connection = event(primus, 'connection');
    const socket = new WebSocket(`${url.replace('http', 'ws')}/primus`, { headers: { cookie } });
    cleanup(() => socket.terminate());
    const [[spark]] = (await Promise.all([connection, event(socket, 'open')])) as [[Any], unknown];
    expect(await answer((done) => spark.getSession(done))).toMatchObject({ username: 'john' });
  });
});

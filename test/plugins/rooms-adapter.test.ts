import { describe, expect, it } from 'vitest';
import { clustered, memory, roomsAdapter } from '../../src/cluster.js';
import { event, serve, until } from '../support/serve.js';
import { answer, withClients } from './clients.js';
import { type Any, missing, plugin, suite } from './published.js';

describe.skipIf(missing)(suite('primus-rooms with the adapter of a cluster'), () => {
  /** Two nodes with the plugins, which are as they were published. */
  async function start() {
    const backplane = memory();
    const nodes: Any[] = [];
    for (const node of ['n1', 'n2']) {
      const served = await serve({ transformer: 'websockets' });
      const primus = served.primus as Any;
      const cluster = clustered(served.primus, backplane, { node });
      primus.options.rooms = { adapter: roomsAdapter(cluster) };
      for (const name of ['primus-rooms', 'primus-emitter']) primus.plugin(name, plugin(name));
      nodes.push({ ...served, primus, cluster });
    }
    await until(() => nodes.every(({ cluster }) => cluster.nodes.length === 2));
    return nodes;
  }

  it('writes and sends to the members of a room on all nodes', async () => {
    const [one, two] = await start();
    const [near, outside] = await withClients(one, 2);
    const [far] = await withClients(two, 1);
    for (const { spark } of [near, far]) await answer((done) => spark.join('news', done));
    one.primus.room('news').write('to the room');
    await until(() => [near, far].every(({ got }) => got.includes('to the room')));
    const noticed = Promise.all([near, far].map((client) => event(client, 'notice')));
    two.primus.room('news').send('notice', 5);
    expect(await noticed).toEqual([[5], [5]]);
    near.spark.room('news').except(far.spark.id).write('to the near one');
    one.primus.room('news').except(near.spark.id).write('to the far one');
    await until(() => far.got.includes('to the far one'));
    const strings = [near, outside, far].map(({ got }) => got.filter((message: unknown) => typeof message === 'string'));
    expect(strings).toEqual([['to the room', 'to the near one'], [], ['to the room', 'to the far one']]);
  });

  it('answers for this node at once, and for all nodes to a callback', async () => {
    const [one, two] = await start();
    const [near] = await withClients(one, 1);
    const [far] = await withClients(two, 1);
    for (const { spark } of [near, far]) await answer((done) => spark.join('news sport', done));
    expect(one.primus.room('news').clients()).toEqual([near.spark.id]);
    const ids = await answer((done) => one.primus.room('news').clients(done));
    expect([ids].flat().sort()).toEqual([near.spark.id, far.spark.id].sort());
    expect(near.spark.rooms()).toEqual(['news', 'sport']);
    near.spark.leave('news');
    await until(() => one.primus.room('news').clients().length === 0);
    expect(await answer((done) => one.primus.isRoomEmpty('news', done))).toEqual(false);
    await answer((done) => one.primus.room('news').empty(done));
    expect(two.primus.room('news').clients()).toEqual([]);
    expect(far.spark.rooms()).toEqual(['sport']);
  });

  it('changes a message for each member of this node', async () => {
    const [one] = await start();
    const [near] = await withClients(one, 1);
    await answer((done) => near.spark.join('news', done));
    one.primus
      .room('news')
      .transform((packet: { data: unknown[] }) => {
        packet.data[0] = 'changed';
      })
      .write('hello');
    await until(() => near.got.length > 0);
    expect(near.got).toEqual(['changed']);
  });

  it('forgets the rooms of a spark that has left', async () => {
    const [one] = await start();
    const [near] = await withClients(one, 1);
    await answer((done) => near.spark.join('news', done));
    near.spark.end();
    await until(() => one.cluster.members('news').length === 0);
    expect(one.primus.isRoomEmpty('news')).toBe(true);
  });
});

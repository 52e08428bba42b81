import { describe, expect, it, onTestFinished } from 'vitest';
import { parsePacket, printPacket } from '../../src/cluster/packets.js';
import type { Link } from '../../src/core/link.js';
import type { ServerOptions } from '../../src/index.js';
import { serve } from '../support/serve.js';
import { slowParser } from '../support/slow-parser.js';
import { HandoverWorld, type Traveller } from './handover-world.js';

async function worldOf(names: readonly string[] = ['n1', 'n2', 'n3'], server: ServerOptions = {}): Promise<HandoverWorld> {
  const world = new HandoverWorld(names, server);
  onTestFinished(() => world.destroy());
  await world.pass(20);
  return world;
}

describe('a session on several servers', () => {
  it('resumes on another node, with what was written on both ends meanwhile', async () => {
    const world = await worldOf();
    const ada = world.join('n1');
    await world.pass(50);
    const old = world.last;
    old.spark.write(1);
    ada.client.write('a');
    await world.pass(20);
    old.spark.write(2);
    ada.client.write('b');
    world.move(ada, 'n2');
    await world.pass(2);
    old.spark.write(3);
    ada.client.write('c');
    await world.pass(100);
    expect(world.sparks).toHaveLength(2);
    const { spark, up, changes, events } = world.last;
    expect(spark.id).toMatch(/^n2\./);
    spark.write(4);
    ada.client.write('d');
    await world.pass(2_000);
    expect(ada.down).toEqual([1, 2, 3, 4]);
    expect([...old.up, ...up]).toEqual(['a', 'b', 'c', 'd']);
    expect(ada.outcomes.map(({ type }) => type)).toEqual(['fresh', 'resumed']);
    expect(old.events).toEqual(['connection', 'disconnection', 'end']);
    expect(old.changes).toEqual([]);
    expect(events).toEqual(['connection']);
    expect(changes).toEqual([expect.objectContaining({ type: 'resumed', resent: 2 })]);
    expect(world.node('n1').primus.connected).toBe(0);
    expect(world.errors).toEqual([]);
  });

  it('is in the same rooms before the listeners of connection run, and misses no message to them', async () => {
    const world = await worldOf();
    const rooms: (readonly string[])[] = [];
    for (const { primus, cluster } of world.nodes.values()) primus.on('connection', (spark) => rooms.push(cluster.rooms(spark)));
    const ada = world.join('n1');
    await world.pass(50);
    await Promise.all([
      world.node('n1').cluster.join(world.last.spark, 'x'),
      world.node('n1').cluster.join(world.last.spark, 'y'),
      world.pass(5),
    ]);
    for (const { engine } of [world]) for (const name of ['n1', 'n2', 'n3']) engine.faultsOf(name).delay = 3;
    const sent = traffic(world, 40, () => world.move(ada, 'n2'));
    await sent.done;
    await world.pass(500);
    expect(rooms.map((list) => [...list].sort())).toEqual([[], ['x', 'y']]);
    expect(ada.outcomes.map(({ type }) => type)).toEqual(['fresh', 'resumed']);
    sent.check(ada.down);
    expect(world.node('n1').cluster.members('x')).toEqual([]);
    expect(world.errors).toEqual([]);
  });

  it('misses no message with a parser that answers later', async () => {
    const world: HandoverWorld = await worldOf(['n1', 'n2', 'n3'], {
      parser: slowParser(2, (run, ms) => world.clock.schedule(run, ms)),
    });
    const ada = world.join('n1');
    await world.pass(50);
    await Promise.all([
      world.node('n1').cluster.join(world.last.spark, 'x'),
      world.node('n1').cluster.join(world.last.spark, 'y'),
      world.pass(5),
    ]);
    for (const name of ['n1', 'n2', 'n3']) world.engine.faultsOf(name).delay = 3;
    const sent = traffic(world, 60, () => world.move(ada, 'n2'));
    await sent.done;
    await world.pass(4_000);
    expect(ada.outcomes.map(({ type }) => type)).toEqual(['fresh', 'resumed']);
    sent.check(ada.down);
  });

  it('is followed by what its old spark has accepted, and a parser that answers later was still encoding', async () => {
    const world: HandoverWorld = await worldOf(['n1', 'n2'], {
      parser: slowParser(5, (run, ms) => world.clock.schedule(run, ms)),
    });
    const ada = world.join('n1');
    await world.pass(100);
    const { spark } = world.last;
    for (const name of ['n1', 'n2']) world.engine.faultsOf(name).delay = 10;
    let accepted = 0;
    world.move(ada, 'n2');
    for (let at = 0; spark.connection.writable; at++) {
      if (at % 4 === 0 && spark.write(accepted)) accepted += 1;
      await world.pass(1);
    }
    await world.pass(2_000);
    expect(accepted).toBeGreaterThan(3);
    expect(ada.outcomes.map(({ type }) => type)).toEqual(['fresh', 'resumed']);
    expect(ada.down).toEqual(Array.from({ length: accepted }, (_, at) => at));
    expect(world.errors).toEqual([]);
  });

  it('goes on with its channels, with a history and without', async () => {
    const world = await worldOf();
    for (const { cluster } of world.nodes.values())
      cluster
        .channels({ name: /^log$/, history: { size: 1_000, ttl: 60_000 }, presence: (spark) => spark.id })
        .channels({ name: /^live$/ });
    const ada = world.join('n1');
    const received: Record<string, unknown[]> = { log: [], live: [] };
    const recoveries: unknown[] = [];
    for (const name of ['log', 'live']) {
      const channel = world.channel(ada, name);
      channel.data$.subscribe((value) => received[name]?.push(value));
      channel.recovery$.subscribe((recovery) => recoveries.push([name, recovery.type]));
    }
    await world.pass(100);
    for (const name of ['n1', 'n2', 'n3']) world.engine.faultsOf(name).delay = 3;
    const sent: Record<string, string[]> = { log: [], live: [] };
    for (let at = 0; at < 60; at++) {
      for (const [name, { cluster }] of world.nodes)
        for (const channel of ['log', 'live']) {
          sent[channel]?.push(`${name} ${at}`);
          void cluster.publish(channel, `${name} ${at}`);
        }
      if (at === 10) world.move(ada, 'n2');
      await world.pass(1);
    }
    await world.pass(500);
    expect(ada.outcomes.map(({ type }) => type)).toEqual(['fresh', 'resumed']);
    expect(recoveries).toEqual([
      ['log', 'live'],
      ['live', 'live'],
    ]);
    for (const channel of ['log', 'live']) expect([...(received[channel] ?? [])].sort()).toEqual(sent[channel]?.sort());
    for (const channel of ['log', 'live'])
      for (const name of world.nodes.keys()) {
        const numbers = received[channel]
          ?.filter((value) => String(value).startsWith(name))
          .map((value) => Number(String(value).split(' ')[1]));
        expect(numbers, `${channel} of ${name}`).toEqual(Array.from({ length: 60 }, (_, at) => at));
      }
    const present: unknown[] = [];
    world
      .node('n3')
      .cluster.presence('log')
      .subscribe((value) => present.push([...value.keys()]));
    await world.pass(3_000);
    expect(present.at(-1)).toEqual([world.last.spark.id]);
    world.channel(ada, 'log');
    expect(world.errors).toEqual([]);
  });

  it('gives nothing to another identity, and leaves the client alone', async () => {
    const world = await worldOf();
    const ada = world.join('n1');
    await world.pass(50);
    const { link } = ada.client.connection;
    const frames = await steal(world, 'n2', tokenOf(ada), 'mallory');
    expect(frames.join()).toMatch(/gap::identity/);
    expect(frames.join()).not.toMatch(/resumed/);
    expect(ada.client.connection.link).toBe(link);
    expect(ada.outcomes).toHaveLength(1);
  });

  it('is not disturbed by another identity with its token while it moves', async () => {
    for (const at of ['n1', 'n2', 'n3'])
      for (let after = 10; after < 30; after += 2) {
        const world = await worldOf();
        for (const name of ['n1', 'n2', 'n3']) world.engine.faultsOf(name).delay = 3;
        const ada = world.join('n1');
        await world.pass(50);
        await Promise.all([world.node('n1').cluster.join(world.last.spark, 'x'), world.pass(10)]);
        world.move(ada, 'n2');
        await world.pass(after);
        const frames = await steal(world, at, tokenOf(ada), 'mallory');
        expect(frames.join(), `at ${at} after ${after} ms`).not.toMatch(/resumed/);
        expect(ada.outcomes.map(({ type }) => type)).toEqual(['fresh', 'resumed']);
        expect(
          ada.frames.filter((frame) => frame.includes('resume?')),
          `the connections, at ${at} after ${after} ms`,
        ).toHaveLength(1);
        await world.destroy();
      }
  });

  it('begins anew at once when its node has died, is unknown, or was restarted', async () => {
    const world = await worldOf();
    const ada = world.join('n1');
    await world.pass(50);
    for (const name of ['n1', 'n3']) {
      const traveller = name === 'n1' ? ada : world.join('n3');
      await world.pass(50);
      traveller.at = 'n2';
      world.network('n2', false);
      world.breakLink(traveller);
      await world.stop(name);
      if (name === 'n3') world.start(name);
      await world.pass(50);
      world.network('n2', true);
      await world.pass(50);
      expect(traveller.outcomes.at(-1)).toMatchObject({ type: 'gap', reason: 'epoch' });
    }
    const frames = await steal(world, 'n2', `${'x'.repeat(24)}n9`, 'ada');
    expect(frames.join()).toMatch(/gap::epoch/);
    const carol = world.join('n2');
    await world.pass(50);
    const same = await steal(world, 'n2', `${'x'.repeat(22)}${tokenOf(carol).slice(22)}`, 'ada');
    expect(same.join()).toMatch(/gap::expired/);
  });

  it('begins anew when its node does not answer, or the engine does not', async () => {
    const world = await worldOf();
    for (const fault of ['node', 'engine']) {
      const ada = world.join('n1');
      await world.pass(50);
      if (fault === 'engine') world.engine.down();
      else world.engine.faultsOf('n1').separated.add('n2');
      world.move(ada, 'n2');
      await world.pass(1_900);
      expect(ada.outcomes).toHaveLength(1);
      await world.pass(200);
      expect(ada.outcomes.at(-1)).toMatchObject({ type: 'gap', reason: 'epoch' });
      world.engine.heal();
      await world.pass(100);
    }
  });

  it('resumes although messages between the nodes are lost', async () => {
    for (const [node, count] of [
      ['n1', 1],
      ['n1', 2],
      ['n2', 1],
      ['n2', 2],
      ['n2', 3],
    ] as const) {
      const world = await worldOf(['n1', 'n2']);
      const ada = world.join('n1');
      await world.pass(50);
      await Promise.all([world.node('n1').cluster.join(world.last.spark, 'x'), world.pass(5)]);
      const old = world.last;
      world.move(ada, 'n2');
      world.engine.faultsOf(node).drop = count;
      old.spark.write(1);
      ada.client.write('a');
      await world.pass(1_990);
      expect(
        ada.outcomes.map(({ type }) => type),
        `${count} to ${node}`,
      ).toEqual(['fresh', 'resumed']);
      await world.pass(3_000);
      expect([ada.down, world.last.up, old.events, old.changes]).toEqual([[1], ['a'], ['connection', 'disconnection', 'end'], []]);
      expect(world.sparks).toHaveLength(2);
      await world.destroy();
    }
  });

  it.each(['n1', 'n2', 'n3'])('is found by the old token when the answer is lost, and the client comes to %s', async (to) => {
    const world = await worldOf();
    const ada = world.join('n1');
    await world.pass(50);
    const { spark } = world.last;
    await Promise.all([world.node('n1').cluster.join(spark, 'x'), world.pass(5)]);
    spark.write(1);
    ada.client.write('a');
    world.move(ada, 'n2');
    // The new node has sent the answer, which does not arrive.
    await until(world, () => world.sparks.length === 2);
    world.breakLinks('n2');
    expect(ada.outcomes).toHaveLength(1);
    world.last.spark.write(2);
    ada.at = to;
    await world.pass(200);
    world.last.spark.write(3);
    ada.client.write('b');
    await world.pass(2_000);
    expect(ada.outcomes.map(({ type }) => type)).toEqual(['fresh', 'resumed']);
    expect(ada.down).toEqual([1, 2, 3]);
    expect(world.sparks.flatMap(({ up }) => up)).toEqual(['a', 'b']);
    expect(world.last.spark.id.slice(0, 2)).toBe(to);
    expect(world.node(to).cluster.rooms(world.last.spark)).toEqual(['x']);
    expect([...world.nodes.values()].map(({ primus }) => primus.connected).reduce((a, b) => a + b)).toBe(1);
    expect(world.sparks.flatMap(({ changes }) => changes.filter(({ type }) => type === 'gap'))).toEqual([]);
  });

  it.each(Array.from({ length: 20 }, (_, ms) => [ms]))(
    'survives a connection that is lost %i ms after the client came to another node',
    async (ms) => {
      for (const to of ['n1', 'n2', 'n3']) {
        const world = await worldOf();
        for (const name of ['n1', 'n2', 'n3']) world.engine.faultsOf(name).delay = 2;
        const ada = world.join('n1');
        await world.pass(50);
        await Promise.all([
          world.node('n1').cluster.join(world.last.spark, 'x'),
          world.node('n1').cluster.join(world.last.spark, 'y'),
          world.pass(10),
        ]);
        const sent = traffic(
          world,
          50,
          () => world.move(ada, 'n2'),
          async (at) => {
            if (at !== 20 + ms) return;
            ada.at = to;
            world.breakLinks('n2');
          },
        );
        await sent.done;
        await world.pass(1_000);
        expect(
          ada.outcomes.filter(({ type }) => type === 'gap'),
          `to ${to}`,
        ).toEqual([]);
        sent.check(ada.down);
        expect(world.sparks.flatMap(({ changes }) => changes.filter(({ type }) => type === 'gap'))).toEqual([]);
        await world.destroy();
      }
    },
  );

  it('goes to one of two nodes at which its client comes at once', async () => {
    for (const [first, second] of [
      ['n2', 'n3'],
      ['n1', 'n2'],
      ['n2', 'n2'],
    ] as const) {
      for (const after of [0, 1, 2, 3, 4, 5, 6, 8, 12]) {
        const world = await worldOf();
        const ada = world.join('n1');
        await world.pass(50);
        await Promise.all([world.node('n1').cluster.join(world.last.spark, 'x'), world.pass(5)]);
        const token = tokenOf(ada);
        world.node('n1').network.down = first !== 'n1';
        const one = dial(world, first, token);
        await world.pass(after);
        const two = dial(world, second, token);
        await world.pass(2_500);
        const resumed = [one, two].filter(({ frames }) => frames.join().includes('resumed'));
        const open = [one, two].filter(({ isOpen }) => isOpen());
        expect(open.length, `${first} and ${second} after ${after} ms`).toBeLessThanOrEqual(1);
        expect(resumed.length, `${first} and ${second} after ${after} ms`).toBeGreaterThanOrEqual(1);
        expect(`${one.frames} ${two.frames}`).not.toMatch(/gap/);
        expect([...world.nodes.values()].reduce((sum, { primus }) => sum + primus.connected, 0)).toBe(1);
        expect(world.sparks.flatMap(({ changes }) => changes.filter(({ type }) => type === 'gap'))).toEqual([]);
        for (const { close } of [one, two]) close();
        await world.destroy();
      }
    }
  });

  it('ends with a gap on both ends when the old node dies in the middle', async () => {
    for (const after of [1, 3, 5, 7, 9]) {
      const world = await worldOf();
      for (const name of ['n1', 'n2', 'n3']) world.engine.faultsOf(name).delay = 3;
      const ada = world.join('n1');
      await world.pass(50);
      await Promise.all([world.node('n1').cluster.join(world.last.spark, 'x'), world.pass(10)]);
      world.move(ada, 'n2');
      await world.pass(12 + after);
      void world.stop('n1', true);
      await world.pass(9_000);
      expect(ada.client.state.name).toBe('open');
      expect(ada.outcomes).toHaveLength(2);
      const { type } = ada.outcomes[1] as { type: string };
      if (type === 'gap') expect(ada.outcomes[1]).toMatchObject({ reason: 'epoch' });
      else expect(type).toBe('resumed');
      await world.destroy();
    }
  });

  it.each(['json', 'binary'])('hands over many messages in parts, as the parser %s encodes them', async (parser) => {
    const world = await worldOf(['n1', 'n2'], {
      parser,
      resume: { window: 10_000, ring: 4_000_000, identity: ({ headers }) => `${headers.user}` },
    });
    const ada = world.join('n1', { resume: { ring: 4_000_000 } });
    await world.pass(50);
    const messages = Array.from({ length: 30 }, (_, n) => `${n} ${'é'.repeat(50_000)}`);
    world.network('n1', false);
    world.breakLink(ada);
    for (const message of messages) world.last.spark.write(message);
    ada.at = 'n2';
    await world.pass(500);
    expect(ada.outcomes.map(({ type }) => type)).toEqual(['fresh', 'resumed']);
    expect(ada.down).toEqual(messages);
  });

  it('overflows when the new node may not keep as much', async () => {
    const world = await worldOf(['n1']);
    const ada = world.join('n1');
    await world.pass(50);
    world.server.resume = { window: 10_000, ring: 1_000, identity: ({ headers }) => `${headers.user}` };
    world.start('n2');
    await world.pass(50);
    world.network('n1', false);
    world.breakLink(ada);
    for (let n = 0; n < 20; n++) world.last.spark.write('x'.repeat(100));
    ada.at = 'n2';
    await world.pass(500);
    expect(ada.outcomes.at(-1)).toMatchObject({ type: 'gap', reason: 'overflow' });
  });

  it('ends on the old node with the reason, when what the client has missed is not kept', async () => {
    const world = await worldOf();
    const ada = world.join('n1');
    await world.pass(50);
    world.network('n1', false);
    world.breakLink(ada);
    const { spark, changes } = world.last;
    ada.at = 'n2';
    spark.write('x'.repeat(300_000));
    await world.pass(500);
    expect(ada.outcomes.at(-1)).toMatchObject({ type: 'gap', reason: 'overflow' });
    expect(changes).toEqual([expect.objectContaining({ type: 'gap', reason: 'overflow' })]);
  });

  it('counts for the budget of the new node', async () => {
    const world = await worldOf(['n1', 'n2'], { resume: { window: 10_000, budget: 40_000, identity: ({ headers }) => `${headers.user}` } });
    const ada = world.join('n1');
    await world.pass(50);
    world.network('n1', false);
    world.breakLink(ada);
    for (let n = 0; n < 10; n++) world.last.spark.write('x'.repeat(1_000));
    ada.at = 'n2';
    await until(world, () => world.sparks.length === 2);
    const { sessions } = world.node('n2').primus.host;
    expect(sessions?.budget.bytes).toBeGreaterThan(10_000);
    await world.pass(2_000);
    expect(world.node('n1').primus.host.sessions?.budget.bytes).toBe(0);
    expect(sessions?.budget.bytes).toBe(0);
  });

  it('moves again and again, with messages in both directions', async () => {
    const world = await worldOf();
    const ada = world.join('n1');
    await world.pass(50);
    const down: number[] = [];
    const up: number[] = [];
    for (let round = 0; round < 12; round++) {
      for (let count = 0; count < 5; count++) {
        if (world.last.spark.connection.writable) {
          down.push(down.length);
          world.last.spark.write(down.length - 1);
        }
        up.push(up.length);
        ada.client.write(up.length - 1);
        await world.pass(1);
      }
      world.move(ada, `n${1 + ((round + 1) % 3)}`);
      await world.pass(7 * (round % 4));
    }
    await world.pass(2_000);
    expect(ada.outcomes.filter(({ type }) => type === 'gap')).toEqual([]);
    expect(ada.down).toEqual(down);
    expect(world.sparks.flatMap((log) => log.up)).toEqual(up);
  });

  it('gets the messages to its former id, also what the old node writes while it moves', async () => {
    const world = await worldOf();
    const ada = world.join('n1');
    await world.pass(50);
    const { spark } = world.last;
    await Promise.all([world.node('n1').cluster.join(spark, 'x'), world.pass(5)]);
    for (const name of ['n1', 'n2', 'n3']) world.engine.faultsOf(name).delay = 5;
    world.move(ada, 'n2');
    const accepted: number[] = [];
    for (let n = 0; n < 60; n++) {
      if (n < 40 && spark.write(n)) accepted.push(n);
      await world.pass(1);
    }
    expect(ada.outcomes.map(({ type }) => type)).toEqual(['fresh', 'resumed']);
    for (const [name, { cluster }] of world.nodes) cluster.to({ spark: spark.id }).write(`from ${name}`);
    await world.pass(200);
    expect(ada.down.filter((value) => typeof value === 'number')).toEqual(accepted);
    expect(accepted.length).toBeGreaterThan(12);
    expect(ada.down.filter((value) => typeof value === 'string').sort()).toEqual(['from n1', 'from n2', 'from n3']);
    expect([...world.nodes.values()].flatMap(({ losses }) => losses)).toEqual([]);
  });

  it('ends when the window ends, on the new node as well', async () => {
    const world = await worldOf();
    const ada = world.join('n1');
    await world.pass(50);
    world.move(ada, 'n2');
    await world.pass(200);
    const { spark, changes } = world.last;
    world.network('n2', false);
    world.breakLink(ada);
    spark.write(1);
    await world.pass(10_100);
    expect(changes.at(-1)).toEqual({ type: 'gap', reason: 'expired', unconfirmed: 1 });
    ada.at = 'n3';
    await world.pass(100);
    expect(ada.outcomes.at(-1)).toMatchObject({ type: 'gap', reason: 'expired' });
  });

  it('has a token that names the node only in a cluster', async () => {
    const world = await worldOf(['n1']);
    const ada = world.join('n1');
    await world.pass(50);
    expect(tokenOf(ada)).toMatch(/^[\w-]{24}n1$/);
    const { primus } = await serve({ transformer: 'memory', resume: true });
    expect(primus.host.sessions?.createToken()).toMatch(/^[\w-]{22}$/);
    const longest = new HandoverWorld(['n'.repeat(40)]);
    const bob = longest.join('n'.repeat(40));
    await longest.pass(50);
    expect(tokenOf(bob)).toHaveLength(64);
    longest.breakLink(bob);
    await longest.pass(100);
    expect(bob.outcomes.map(({ type }) => type)).toEqual(['fresh', 'resumed']);
    await longest.destroy();
  });

  it.each([
    [{ type: 'find', id: 7 }],
    [{ type: 'find', id: 'x' }],
    [{ type: 'find', id: 'x', token: {}, received: 0 }],
    [{ type: 'find', id: 'x', token: 'TOKEN', received: -1 }],
    [{ type: 'find', id: 'x', token: 'TOKEN', received: '0' }],
    [{ type: 'find', id: 'x', token: 'TOKEN', received: 0, sent: 'x' }],
    [{ type: 'find', id: 'x', token: 'TOKEN', received: 0, sent: 0, identity: { ada: 1 } }],
    [{ type: 'take', id: 'x' }],
    [{ type: 'cancel', id: 'x' }],
    [{ type: 'took', id: 'x', spark: 'n9.x' }],
    [{ type: 'given', id: 'ID' }],
    [{ type: 'given', id: 'ID', part: 0, count: 1 }],
    [{ type: 'found', id: 'ID', part: 0, count: 1 }],
    [{ type: 'gap', id: 'ID', reason: 'nonsense' }],
    [{ type: 'moved', id: 'ID', node: 7 }],
    [{ type: 'over', id: 'ID' }],
    [{ type: 'nonsense', id: 'ID' }],
  ])('is not impressed by the packet %j', async (fields) => {
    const world = await worldOf();
    const ada = world.join('n1');
    await world.pass(50);
    for (const name of ['n1', 'n2']) world.engine.faultsOf(name).delay = 4;
    world.move(ada, 'n2');
    await world.pass(16);
    const id = world.engine.packets.map((packet) => parsePacket(packet)?.header).find((header) => header?.kind === 'session')?.id;
    expect(id).toBeDefined();
    const text = JSON.stringify(fields).replace('TOKEN', tokenOf(ada)).replace('ID', `${id}`);
    for (const from of ['n1', 'n3']) {
      const header = { kind: 'session', from, instance: 'forged', ...(JSON.parse(text) as object) };
      for (const to of ['n1', 'n2']) {
        world.engine.forge(`node:${to}`, printPacket({ header }));
        world.engine.forge(`node:${to}`, printPacket({ header, frame: new Uint8Array([1, 0, 0, 0, 2, 123, 125]) }));
        world.engine.forge(`node:${to}`, printPacket({ header, frame: 'nonsense' }));
      }
    }
    await world.pass(2_500);
    expect(ada.client.state.name).toBe('open');
    expect(ada.outcomes.map(({ type }) => type)).toEqual(['fresh', 'resumed']);
    expect(world.errors).toEqual([]);
  });
});

/** Writes to rooms and to all from every node, each ms; moves at 20 ms. */
function traffic(world: HandoverWorld, ms: number, move: () => void, each: (at: number) => unknown = () => {}) {
  const sent: string[] = [];
  const done = (async () => {
    for (let at = 0; at < ms; at++) {
      for (const [name, { cluster }] of world.nodes) {
        cluster.to({ room: 'x' }).write(`${name} x ${at}`);
        cluster.to({ room: ['x', 'y'] }).write(`${name} xy ${at}`);
        cluster.write(`${name} all ${at}`);
        sent.push(`${name} x ${at}`, `${name} xy ${at}`, `${name} all ${at}`);
      }
      if (at === 20) move();
      await each(at);
      await world.pass(1);
    }
  })();
  const check = (received: readonly unknown[]) => {
    expect([...received].sort()).toEqual([...sent].sort());
    for (const name of ['n1', 'n2', 'n3'])
      for (const kind of ['x', 'xy', 'all']) {
        const numbers = received
          .map(String)
          .filter((text) => text.startsWith(`${name} ${kind} `))
          .map((text) => Number(text.split(' ')[2]));
        expect(numbers, `${kind} of ${name}`).toEqual([...numbers].sort((a, b) => a - b));
      }
  };
  return { done, check };
}

async function until(world: HandoverWorld, condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited++) {
    expect(waited, 'ms').toBeLessThan(5_000);
    await world.pass(1);
  }
}

/** Returns the token that a client was sent last. */
function tokenOf({ frames }: Traveller): string {
  const word = frames.filter((frame) => /::(session|resumed|gap)::/.test(frame)).at(-1) ?? '';
  return word.replaceAll('"', '').split('.')[word.includes('resumed') ? 1 : 2] ?? 'none';
}

/** Opens a link, and resumes with a token. */
function dial(world: HandoverWorld, at: string, token: string, user = 'ada') {
  const frames: string[] = [];
  let link: Link | undefined;
  world.node(at).network.down = false;
  world.node(at).network.dial({
    url: 'http://world/primus?_primus_session=1',
    headers: { user },
    maxLength: 1_000_000,
    accepted: (accepted) => {
      link = accepted;
      const ended = () => {
        link = undefined;
      };
      link.subscribe({ next: (frame) => void frames.push(String(frame)), error: ended, complete: ended });
      link.send(JSON.stringify(`primus::resume::${token}.0.0.0`));
    },
    rejected: () => {},
  });
  return { frames, isOpen: () => link !== undefined, close: () => link?.destroy() };
}

async function steal(world: HandoverWorld, at: string, token: string, user: string): Promise<string[]> {
  const { frames, close } = dial(world, at, token, user);
  await world.pass(100);
  close();
  await world.pass(5);
  return frames;
}

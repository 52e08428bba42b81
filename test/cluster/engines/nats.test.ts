import { readFileSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join as path } from 'node:path';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingEngine } from '../../../scripts/engines.mjs';
import { nats } from '../../../src/cluster/backplanes/nats.js';
import { backplaneContract } from '../../../src/testing.js';
import { type Engine, startNats } from '../../support/engines.js';
import { until } from '../../support/wait.js';
import { bytes, engine, failure, join, KEEP, open, stranger, stringOf, urlOf } from './nats-nodes.js';

let shared: Engine;
beforeAll(async () => {
  if (!missingEngine('nats-server')) shared = await startNats();
});
afterAll(() => shared?.close());

const accountOf = (password: string) => `authorization { user: primus, password: ${password} }`;

/** Publishes messages with one header each, as it is. */
async function publishRaw({ port }: Engine, subject: string, fields: readonly string[]): Promise<void> {
  const socket = createConnection(port, '127.0.0.1');
  const messages = fields.map((field) => {
    const head = `NATS/1.0\r\n${field}\r\n\r\n`;
    const length = Buffer.byteLength(head);
    return `HPUB ${subject} ${length} ${length + 1}\r\n${head}x\r\n`;
  });
  socket.write(`CONNECT {"verbose":false,"headers":true}\r\n${messages.join('')}PING\r\n`);
  let received = '';
  for await (const chunk of socket) {
    received += chunk;
    if (received.includes('PONG')) break;
  }
  socket.destroy();
}

/** A megabyte is the default limit of NATS. */
const tooLong = 1_048_577;

describe.skipIf(missingEngine('nats-server'))('the NATS backplane', () => {
  it.each(backplaneContract)('$name', async ({ run }) => {
    await expect(
      run(
        nats((settings) => connect({ ...settings, servers: urlOf(shared) })),
        { tooLong },
      ),
    ).resolves.toBeUndefined();
  });
});

describe.skipIf(missingEngine('nats-server'))('the NATS backplane on a connection of the caller', () => {
  it.each(backplaneContract)('$name', async ({ run }) => {
    const connection = await connect({ servers: urlOf(shared) });
    try {
      await expect(run(nats(connection), { tooLong })).resolves.toBeUndefined();
      expect(connection.isClosed()).toBe(false);
    } finally {
      await connection.close();
    }
  });
});

describe.skipIf(missingEngine('nats-server'))('what the server refuses', () => {
  it('reports a wrong password once, and connects when it is accepted', async () => {
    const server = await engine({ config: accountOf('right') });
    const node = open(nats((settings) => connect({ ...settings, servers: urlOf(server), user: 'primus', pass: 'wrong' })));
    await until(() => node.errors.length > 0);
    expect(node.errors[0]).toMatchObject({ code: 'ERR_PRIMUS_BACKPLANE', message: expect.stringMatching(/Authorization Violation/i) });
    expect(await failure(node.bus.listen(['room']))).toMatchObject({ code: 'ERR_PRIMUS_BACKPLANE' });
    node.bus.publish('room', bytes('a'));
    expect(node.lost.get('room')).toBe(1);
    expect(node.states).toEqual(['down']);
    expect(node.errors).toHaveLength(1);
    writeFileSync(path(server.folder, 'nats.conf'), accountOf('wrong'));
    await server.restart();
    await until(() => node.states.at(-1) === 'up');
    node.bus.publish('room', bytes('b'));
    await until(() => node.deliveries.length === 1);
  });

  it('rejects histories without JetStream, and says how to get it', async () => {
    const node = await join(await engine({ jetStream: false }));
    const expected = { code: 'ERR_PRIMUS_BACKPLANE', message: expect.stringContaining('start nats-server with -js') };
    expect(await failure(node.log.append('news', bytes('a'), KEEP))).toMatchObject(expected);
    expect(await failure(node.log.read('news', 'head', 1))).toMatchObject(expected);
    await node.bus.listen(['room']);
    node.bus.publish('room', bytes('a'));
    await until(() => node.deliveries.length === 1);
  });

  it('needs no more permissions than those of the documentation', async () => {
    const [, config = ''] =
      /```\n(authorization[^`]*)```/.exec(readFileSync(new URL('../../../docs/nats.md', import.meta.url), 'utf8')) ?? [];
    const server = await engine({ config: config.replace('$PASSWORD', 'secret') });
    const node = open(nats((settings) => connect({ ...settings, servers: urlOf(server), user: 'primus', pass: 'secret' })));
    await until(() => node.states.at(-1) === 'up');
    await node.bus.listen(['room']);
    node.bus.publish('room', bytes('a'));
    const first = await node.log.append('room', bytes('b'), KEEP);
    const last = await node.log.append('room', bytes('c'), KEEP);
    await until(() => node.deliveries.length === 3);
    expect(await node.log.read('room', first, 10)).toMatchObject({ entries: [{ at: last }], whole: true });
    expect([node.errors, node.reasons]).toEqual([[], []]);
  });

  it('rejects a topic that the node may not listen to, and reports a publication that it may not send', async () => {
    const permissions = '{ publish: { deny: "primus.m.write" }, subscribe: { deny: "primus.m.read" } }';
    const server = await engine({ config: `authorization { users: [{ user: a, password: a, permissions: ${permissions} }] }` });
    const node = open(nats((settings) => connect({ ...settings, servers: urlOf(server), user: 'a', pass: 'a' })));
    await until(() => node.states.at(-1) === 'up');
    const refusal = { code: 'ERR_PRIMUS_BACKPLANE', message: expect.stringContaining("'read'") };
    expect(await failure(node.bus.listen(['read', 'room']))).toMatchObject(refusal);
    node.bus.publish('write', bytes('a'));
    await until(() => node.errors.some(({ message }) => message.includes('primus.m.write')));
    node.bus.publish('room', bytes('b'));
    await until(() => node.deliveries.length === 1);
  });

  it('drops and counts what other programs have forged', async () => {
    const server = await engine();
    const node = await join(server);
    const other = await stranger(server);
    const { epoch, offset } = await node.log.append('room', bytes('a'), KEEP);
    await node.bus.listen(['room']);
    const entry = Buffer.concat([Buffer.from([1]), Buffer.alloc(12), Buffer.from('forged')]);
    const honest = {
      'Nats-Stream': `primus-${epoch}`,
      'Nats-Subject': 'primus.h.room',
      'Nats-Sequence': `${offset + 1}`,
      'Nats-Last-Sequence': `${offset}`,
    };
    const forgeries: [object, Uint8Array][] = [
      [{ any: 'header' }, entry],
      [{ ...honest, 'Nats-Stream': 'other' }, entry],
      [{ ...honest, 'Nats-Stream': 'primus-' }, entry],
      [{ ...honest, 'Nats-Subject': 'primus.h.other' }, entry],
      [{ ...honest, 'Nats-Sequence': 'NaN' }, entry],
      [{ ...honest, 'Nats-Sequence': '-1' }, entry],
      [{ ...honest, 'Nats-Sequence': '1e400' }, entry],
      [{ ...honest, 'Nats-Last-Sequence': `${offset + 1}` }, entry],
      [{ ...honest, 'Nats-Last-Sequence': '' }, entry],
      [honest, new Uint8Array()],
      [honest, Buffer.from([2, ...entry.subarray(1)])],
    ];
    for (const [fields, data] of forgeries) {
      const forged = headers();
      for (const [name, value] of Object.entries(fields)) forged.set(name, value);
      other.publish('primus.m.room', data, { headers: forged });
    }
    // Names of headers that no client of NATS sends, and that its client throws at.
    const unspeakable = ['a name: x', 'n\u00e4me: x', ': x', 'no colon'];
    await publishRaw(server, 'primus.m.room', unspeakable);
    // An entry of the stream that no node has appended.
    other.publish('primus.h.room', Buffer.from('not an entry'));
    await other.flush();
    const { offset: next } = await node.log.append('room', bytes('b'), KEEP);
    await until(() => node.deliveries.length > 0);
    expect(node.deliveries.map(stringOf)).toEqual(['b']);
    // An entry in the stream keeps its place in the order; the cluster parses it as it parses any message.
    expect(node.lost.get('room')).toBe(forgeries.length + unspeakable.length + 1);
    expect(new Set(node.reasons)).toEqual(new Set(['malformed']));
    const read = await node.log.read('room', { epoch, offset }, 10);
    expect(read.entries.map(stringOf)).toEqual(['not an entry', 'b']);
    expect([read.whole, read.head.offset]).toEqual([true, next]);
  });
});

describe.skipIf(missingEngine('nats-server'))('the NATS backplane', () => {
  it('is opened again when something has closed it for good', async () => {
    const server = await engine();
    let connection: NatsConnection | undefined;
    const node = open(
      nats(async (settings) => {
        connection = await connect({ ...settings, servers: urlOf(server) });
        return connection;
      }),
    );
    await until(() => node.states.at(-1) === 'up');
    await node.bus.listen(['room']);
    await connection?.close();
    await until(() => node.states.join() === 'down,up,down,up');
    node.bus.publish('room', bytes('a'));
    await until(() => node.deliveries.length === 1);
    expect(node.errors[0]).toMatchObject({ code: 'ERR_PRIMUS_BACKPLANE' });
    await node.log.append('news', bytes('a'), KEEP);
  });

  it('of the caller may be reconnecting when the node begins', async () => {
    const server = await engine();
    const connection = await connect({ servers: urlOf(server), maxReconnectAttempts: -1, reconnectTimeWait: 50 });
    await server.kill();
    await until(() => connection.info === undefined);
    const node = open(nats(connection));
    const listening = failure(node.bus.listen(['room']));
    await server.restart();
    await until(() => node.states.at(-1) === 'up');
    expect(await listening).toBeUndefined();
    node.bus.publish('room', bytes('a'));
    await until(() => node.deliveries.length === 1);
    await node.bus.close();
    await connection.close();
  });

  it('of the caller says what to do when it is closed for good', async () => {
    const server = await engine();
    const connection = await connect({ servers: urlOf(server) });
    const node = open(nats(connection));
    await until(() => node.states.at(-1) === 'up');
    await connection.close();
    await until(() => node.errors.length > 0);
    expect(node.errors[0]).toMatchObject({ code: 'ERR_PRIMUS_BACKPLANE', message: expect.stringContaining('maxReconnectAttempts: -1') });
    expect(node.states.at(-1)).toBe('down');
    node.bus.publish('room', bytes('a'));
    expect(node.lost.get('room')).toBe(1);
    const late = open(nats(connection));
    await until(() => late.errors.length > 0);
    expect(late.states).toEqual(['down']);
  });

  it('is closed when the bus was closed while it was being opened', async () => {
    const server = await engine();
    let connection: NatsConnection | undefined;
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const node = open(
      nats(async (settings) => {
        await released;
        connection = await connect({ ...settings, servers: urlOf(server) });
        return connection;
      }),
    );
    await node.bus.close();
    release();
    await until(() => connection?.isClosed());
    expect(node.errors).toEqual([]);
  });

  it('keeps clusters with different prefixes apart', async () => {
    const server = await engine();
    const [left, right] = [await join(server, { prefix: 'left' }), await join(server, { prefix: 'left-0' })];
    await Promise.all([left.bus.listen(['room']), right.bus.listen(['room'])]);
    left.bus.publish('room', bytes('a'));
    const { epoch } = await left.log.append('room', bytes('b'), KEEP);
    expect((await right.log.read('room', 'head', 1)).head).toMatchObject({ offset: 0 });
    expect((await right.log.read('room', 'head', 1)).head.epoch).not.toBe(epoch);
    right.bus.publish('room', bytes('c'));
    await until(() => left.deliveries.length === 2 && right.deliveries.length === 1);
    expect(right.deliveries.map(stringOf)).toEqual(['c']);
  });
});

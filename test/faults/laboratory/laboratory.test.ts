import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { cleanup, until } from '../../support/serve.js';
import { type Direction, Laboratory, type LaboratoryOptions } from './laboratory.js';

/** One end of a connection, and what it has seen. */
class End {
  readonly socket: Socket;
  received = '';
  /** How the peer ended the connection. */
  ended: string | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.received += bytes.toString('latin1');
    });
    socket.on('end', () => {
      this.ended ??= 'FIN';
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.ended ??= String(error.code);
    });
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  receives(text: string): Promise<void> {
    return until(() => this.received.endsWith(text));
  }
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanup(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** A laboratory in front of a TCP server. */
async function start(options?: LaboratoryOptions) {
  const accepted: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => accepted.push(socket));
  const lab = await Laboratory.start(await listening(server), options);
  const dial = () => {
    const socket = connect({ port: lab.port, host: '127.0.0.1', allowHalfOpen: true });
    cleanup(() => socket.destroy());
    return socket;
  };
  cleanup(() => lab.close());
  /** A connection through the laboratory: both ends. */
  const pair = async () => {
    const before = accepted.length;
    const client = new End(dial());
    await until(() => accepted.length > before);
    const server = new End(accepted.at(-1) as Socket);
    return { client, server, toServer: [client, server] as const, toClient: [server, client] as const };
  };
  return { lab, dial, pair, accepted };
}

const DIRECTIONS: readonly Direction[] = ['toServer', 'toClient'];

describe('a laboratory without faults', () => {
  it('passes bytes in both directions, and half-closes', async () => {
    const { lab, pair } = await start();
    const { client, server } = await pair();
    const large = 'x'.repeat(3_000_000);
    client.send(`${large}there`);
    client.socket.end();
    await server.receives('there');
    await until(() => server.ended === 'FIN');
    server.send('back');
    server.socket.end();
    await client.receives('back');
    await until(() => client.ended === 'FIN' && lab.connections === 0);
    expect(server.received === `${large}there`).toBe(true);
    expect(lab.passed).toEqual({ toServer: large.length + 5, toClient: 4 });
  });

  it('carries HTTP requests of one kept connection', async () => {
    const server = createHttpServer((request, response) => request.pipe(response));
    const lab = await Laboratory.start(await listening(server));
    cleanup(() => lab.close());
    for (const body of ['one', 'two']) expect(await (await fetch(lab.url, { method: 'POST', body })).text()).toBe(body);
    server.closeAllConnections();
  });

  it.each(DIRECTIONS)('passes a reset going %s on', async (direction) => {
    const { pair } = await start();
    const [from, to] = (await pair())[direction];
    from.socket.resetAndDestroy();
    await until(() => to.ended !== undefined);
    expect(to.ended).toBe('ECONNRESET');
  });

  it('resets a client whose server is gone', async () => {
    const server = createServer();
    const lab = await Laboratory.start(await listening(server));
    cleanup(() => lab.close());
    server.close();
    await once(server, 'close');
    const client = new End(connect(lab.port, '127.0.0.1'));
    await until(() => client.ended !== undefined);
    expect(client.ended).toBe('ECONNRESET');
  });

  it('applies the back-pressure of a slow consumer to its sender', async () => {
    const { lab, pair } = await start();
    const { client, server } = await pair();
    server.socket.pause();
    // More than all buffers of the system.
    const size = 64 * 2 ** 20;
    client.socket.write(Buffer.alloc(size));
    await until(() => lab.passed.toServer > 0 && client.socket.writableLength > 0);
    expect(lab.passed.toServer).toBeLessThan(size);
  });
});

describe('breaks', () => {
  it.each([
    [false, 'FIN'],
    [true, 'ECONNRESET'],
  ])('are seen at both ends, reset %s as %s, and new connections work', async (reset, ended) => {
    const { lab, pair } = await start();
    const pairs = [await pair(), await pair()];
    lab.break({ reset });
    for (const { client, server } of pairs) await until(() => client.ended !== undefined && server.ended !== undefined);
    expect(pairs.flatMap(({ client, server }) => [client.ended, server.ended])).toEqual(Array(4).fill(ended));
    const { client, server } = await pair();
    client.send('again');
    await server.receives('again');
  });

  const cases = DIRECTIONS.flatMap((direction) =>
    [false, true].flatMap((reset) => [1, 1_000, 70_000, 200_000].map((bytes) => [bytes, direction, reset] as const)),
  );

  it.each(cases)('come after %i bytes %s, with reset %s', async (bytes, direction, reset) => {
    const { lab, pair } = await start();
    const connection = await pair();
    const [from, to] = connection[direction];
    const text = Array.from({ length: 50_000 }, (_, index) => String(index).padStart(5, '0')).join('');
    from.send('before');
    await to.receives('before');
    const broken = lab.breakAfter(direction, bytes, { reset });
    from.send(text);
    expect(await broken).toBe(true);
    await until(() => from.ended !== undefined && to.ended !== undefined);
    expect(lab.passed[direction]).toBe(6 + bytes);
    expect(from.ended).toBe(reset ? 'ECONNRESET' : 'FIN');
    // An RST overtakes bytes that were not read yet, and shows as a FIN when it arrives together with the last ones.
    expect(to.received.length).toBeLessThanOrEqual(6 + bytes);
    expect(`before${text}`.startsWith(to.received)).toBe(true);
    if (!reset) expect([to.ended, to.received.length]).toEqual(['FIN', 6 + bytes]);
  });

  it('count the bytes of all connections together', async () => {
    const { lab, pair } = await start();
    const [one, two] = [await pair(), await pair()];
    const broken = lab.breakAfter('toServer', 5);
    one.client.send('123');
    await one.server.receives('123');
    two.client.send('456');
    expect(await broken).toBe(true);
    await two.server.receives('45');
    await until(() => one.client.ended === 'FIN' && two.client.ended === 'FIN');
  });

  it('that are planned do not happen after heal, another plan, or close', async () => {
    const { lab, pair } = await start();
    const { client, server } = await pair();
    const plans = [lab.breakAfter('toServer', 1), lab.breakAfter('toServer', 1)];
    lab.heal();
    client.send('whole');
    await server.receives('whole');
    plans.push(lab.breakAfter('toClient', 1));
    await lab.close();
    expect(await Promise.all(plans)).toEqual([false, false, false]);
  });
});

describe('a black hole', () => {
  it.each<[Direction, Direction]>([
    ['toServer', 'toClient'],
    ['toClient', 'toServer'],
  ])('lets nothing pass %s until heal, and everything %s', async (closed, open) => {
    const { lab, pair } = await start();
    const connection = await pair();
    const [from, to] = connection[closed];
    lab.blackhole(closed);
    from.send('one');
    const [other, peer] = connection[open];
    other.send('hello');
    await peer.receives('hello');
    from.send('two');
    from.socket.end();
    other.send('again');
    await peer.receives('again');
    expect(lab.passed[closed]).toBe(0);
    lab.heal();
    await until(() => to.ended === 'FIN');
    expect(to.received).toBe('onetwo');
  });

  it('lets no new connection reach the server until heal', async () => {
    const { lab, dial, accepted } = await start();
    lab.blackhole();
    const client = new End(dial());
    client.send('hello');
    await until(() => lab.connections === 1);
    expect(accepted).toEqual([]);
    lab.heal();
    await until(() => accepted.length === 1);
    await new End(accepted[0] as Socket).receives('hello');
  });

  it('for present connections lets new ones pass, and the old ones wake up after heal', async () => {
    const { lab, pair } = await start();
    const old = await pair();
    lab.blackhole(undefined, { present: true });
    old.client.send('late');
    old.client.socket.end();
    const { client, server } = await pair();
    client.send('hello');
    await server.receives('hello');
    expect([old.server.received, old.server.ended]).toEqual(['', undefined]);
    lab.heal();
    await until(() => old.server.ended === 'FIN');
    expect(old.server.received).toBe('late');
  });
});

it('loses half-open connections for ever, and no new ones', async () => {
  const { lab, pair } = await start();
  const [one, two] = [await pair(), await pair()];
  lab.halfOpen();
  one.client.send('nothing');
  one.client.socket.resetAndDestroy();
  two.server.send('nothing');
  two.server.socket.end();
  lab.heal();
  lab.break();
  const { client, server } = await pair();
  client.send('hello');
  await server.receives('hello');
  expect(lab.passed).toEqual({ toServer: 5, toClient: 0 });
  expect([one.server.ended, two.client.ended]).toEqual([undefined, undefined]);
  await lab.close();
  await until(() => one.server.ended !== undefined && two.client.ended !== undefined);
});

it('delays bytes and the end of a connection, in order, and not after heal', async () => {
  const { lab, pair } = await start();
  const { client, server } = await pair();
  lab.delay(60);
  const began = performance.now();
  client.send('one');
  client.send('two');
  await server.receives('onetwo');
  expect(performance.now() - began).toBeGreaterThanOrEqual(60);
  lab.delay(3_600_000, 'toServer');
  client.send('three');
  client.socket.end();
  server.send('hello');
  await client.receives('hello');
  expect(server.ended).toBeUndefined();
  lab.heal();
  await until(() => server.ended === 'FIN');
  expect(server.received).toBe('onetwothree');
});

it('trickles', async () => {
  const pieces: number[] = [];
  const { lab, pair } = await start({ observe: (direction, bytes) => direction === 'toServer' && pieces.push(bytes.length) });
  const { client, server } = await pair();
  lab.trickle(2, 1, 'toServer');
  client.send('1234567');
  await server.receives('7');
  expect(server.received).toBe('1234567');
  expect(pieces).toEqual([2, 2, 2, 1]);
});

it('refuses new connections until heal', async () => {
  const { lab, pair, dial } = await start();
  const { client, server } = await pair();
  lab.refuse();
  const refused = new End(dial());
  await until(() => refused.ended !== undefined);
  expect(refused.ended).toBe('ECONNRESET');
  client.send('still here');
  await server.receives('still here');
  lab.heal();
  await pair();
});

it('closes everything in spite of all faults', async () => {
  const { lab, pair, dial } = await start();
  const lost = await pair();
  lab.halfOpen();
  const delayed = await pair();
  lab.delay(3_600_000);
  lab.trickle(1, 3_600_000);
  for (const end of [delayed.client, delayed.server]) end.send('waits');
  lab.blackhole();
  const waiting = new End(dial());
  await until(() => lab.connections === 3);
  await lab.close();
  const ends = [lost.client, lost.server, delayed.client, delayed.server, waiting];
  await until(() => ends.every(({ ended }) => ended !== undefined));
  expect(lab.connections).toBe(0);
});

import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { watchForCrashes } from '../server/crashes.js';
import { startLaboratory } from '../support/laboratory.js';
import { cleanup, event, type Served, serve, until } from '../support/serve.js';

const TRANSFORMERS = ['websockets', 'uws', 'engine.io', 'socket.io', 'sockjs', 'faye', 'browserchannel'];

/** Connects clients through a laboratory. */
async function connectThrough({ primus, port }: Served, count: number) {
  const lab = await startLaboratory(port);
  const clients = Array.from({ length: count }, () => {
    const client = new primus.Socket(lab.url, { strategy: false, pingTimeout: false });
    cleanup(() => client.destroy());
    return client;
  });
  const before = primus.connected;
  await Promise.all(clients.map((client) => event(client, 'open')));
  await until(() => primus.connected === before + count);
  return { lab, clients };
}

/** The number of connections that a server has a descriptor for. */
function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve, reject) => server.getConnections((error, count) => (error ? reject(error) : resolve(count))));
}

describe.each(TRANSFORMERS)('peers of %s that are lost without a close', (transformer) => {
  watchForCrashes();

  it('are noticed within two pings, and their descriptors are free soon after', async ({ annotate }) => {
    const period = 1_000;
    const served = await serve({ transformer, pingInterval: period });
    const sockets = new Set<Socket>();
    served.server.on('connection', (socket) => sockets.add(socket));
    /** The number of connections without a request, which Node closes after its own `headersTimeout`. */
    const unused = () => [...sockets].filter(({ bytesRead, destroyed }) => bytesRead === 0 && !destroyed).length;
    const { lab } = await connectThrough(served, 20);
    lab.blackhole();
    const frozen = performance.now();
    await until(() => served.primus.connected === 0);
    const noticed = performance.now() - frozen;
    await until(async () => (await connectionsOf(served.server)) <= unused());
    const freed = performance.now() - frozen - noticed;
    await annotate(`noticed after ${(noticed / period).toFixed(1)} pings, free ${Math.round(freed)} ms later`);
    // Generous, for a busy machine: a closing handshake of 30 s would be longer.
    expect(noticed).toBeLessThan(2 * period + 10_000);
    expect(freed).toBeLessThan(15_000);
  });

  it('delay a drain by 5 s at most, and other clients not at all', async ({ annotate }) => {
    const served = await serve({ transformer, pingInterval: false });
    const { primus } = served;
    const { clients } = await connectThrough(served, 30);
    const { lab } = await connectThrough(served, 6);
    lab.blackhole();
    const received = clients.map((client) => {
      const data: unknown[] = [];
      client.on('data', (value) => data.push(value));
      return data;
    });
    // More than sockets buffer.
    const words = Array.from({ length: 20 }, (_, index) => `${index} ${'x'.repeat(50_000)}`);
    for (const word of words) primus.write(word);
    const scheduled = clients.map((client) => event(client, 'reconnect scheduled'));
    const began = performance.now();
    const last = await lastValueFrom(primus.drain({ over: 1_000, retryAfter: 60_000 }));
    const took = performance.now() - began;
    await annotate(`${Math.round(took)} ms`);
    expect(last).toMatchObject({ remaining: 0, ended: 36 });
    expect(last.elapsed).toBeLessThanOrEqual(6_000);
    await Promise.all(scheduled);
    for (const data of received) expect(data).toEqual(words);
    await new Promise<void>((resolve) => primus.destroy(resolve));
  });
});

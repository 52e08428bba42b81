import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Socket as Engine } from 'engine.io';
import { Socket as EngineClient } from 'engine.io-client';
import { io } from 'socket.io-client';
import { describe, expect, it } from 'vitest';
import type { Spark } from '../../src/index.js';
import type { EngineLink } from '../../transformers/engine.io/server/link.js';
import { watchForCrashes } from '../server/crashes.js';
import { cleanup, event, LIMIT, roundTrips, type Served, serve } from '../support/serve.js';

/** Long enough for the engine's own heartbeat to notice nothing within a test. */
const transport = { pingInterval: 10 * LIMIT };

/** A client that does not reconnect. */
interface Client {
  opened: Promise<unknown>;
  lost: Promise<unknown>;
}

const CLIENTS: Record<string, Record<string, (url: string, served: Served) => Client>> = {
  'engine.io': {
    ours,
    'engine.io-client'(url) {
      const socket = new EngineClient(url, { path: '/primus' });
      cleanup(() => socket.close());
      return { opened: event(socket, 'open'), lost: event(socket, 'close') };
    },
  },
  'socket.io': {
    ours,
    'socket.io-client'(url) {
      const socket = io(url, { path: '/primus', forceNew: true, reconnection: false });
      cleanup(() => socket.disconnect());
      return { opened: event(socket, 'connect'), lost: event(socket, 'disconnect') };
    },
  },
};

function ours(url: string, { primus }: Served): Client {
  const client = new primus.Socket(url, { pingTimeout: false, reconnect: { retries: 0 } });
  cleanup(() => client.destroy());
  return { opened: event(client, 'open'), lost: event(client, 'close') };
}

/** A TCP proxy that delays WebSockets until `upgrade`, and the answers to polls between `block` and `release`. */
async function startProxy(target: number) {
  const polls: (() => void)[] = [];
  let blocked = false;
  let upgrade = () => {};
  const upgraded = new Promise<void>((resolve) => {
    upgrade = resolve;
  });
  const webSockets: Socket[] = [];
  const proxy = createServer((client) => {
    let isWebSocket = false;
    const pass = (action: () => void) => void (blocked && !isWebSocket ? polls.push(action) : action());
    client
      .on('error', () => {})
      .once('data', async (request) => {
        client.pause();
        isWebSocket = /^upgrade: websocket/im.test(request.toString());
        if (isWebSocket) {
          webSockets.push(client);
          await upgraded;
        }
        const server = connect(target, '127.0.0.1').on('error', () => {});
        server.on('data', (bytes) => pass(() => client.write(bytes))).on('close', () => pass(() => client.destroy()));
        client.on('close', () => server.destroy());
        server.write(request);
        client.pipe(server);
      });
    cleanup(() => client.destroy());
  });
  cleanup(() => proxy.close());
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    webSockets,
    upgrade,
    block() {
      blocked = true;
    },
    release() {
      blocked = false;
      for (const action of polls.splice(0)) action();
    },
  };
}

/**
 * A client in the middle of its upgrade: the server has answered the probe of its WebSocket, and its last poll. The answer to the poll has not
 * arrived yet, and does not before `release`.
 */
async function upgrading(transformer: string, name: string) {
  const served = await serve({ transformer, transport, pingInterval: false });
  const { primus, port, url } = served;
  const proxy = await startProxy(port);
  const announced = event(primus, 'connection');
  const dial = CLIENTS[transformer]?.[name] ?? ours;
  const { opened, lost } = dial(proxy.url, served);
  const [spark] = (await announced) as [Spark];
  await opened;
  const { engine } = spark.connection.link as unknown as { engine: Engine };
  const probed = event(engine, 'upgrading');
  proxy.upgrade();
  await probed;
  proxy.block();
  // The server answers the poll that waits.
  await event(engine.transport, 'drain');
  await roundTrips(url);
  expect(engine.transport.name).toBe('polling');
  return { ...served, proxy, spark, lost };
}

type Scene = Awaited<ReturnType<typeof upgrading>>;

const ENDINGS: Record<string, (scene: Scene) => unknown> = {
  'terminates its connection': ({ spark }) => spark.connection.link?.destroy(),
  'terminates its connection behind a message': ({ spark }) => {
    spark.write('last');
    spark.connection.link?.destroy();
  },
  'ends its connection': ({ spark }) => spark.end(),
  'ends its connection behind a message': ({ spark }) => spark.end('last'),
  'rejects its message': ({ spark }) => (spark.connection.link as unknown as EngineLink).fail(1008, 'a rule'),
  'shuts down': ({ primus }) => void primus.destroy(),
};

describe.each(Object.keys(CLIENTS))('in the middle of an upgrade of %s', (transformer) => {
  describe.each(Object.keys(CLIENTS[transformer] ?? {}))('the client, %s,', (client) => {
    watchForCrashes();

    it.each(Object.keys(ENDINGS))('notices without its heartbeat that the server %s', async (ending) => {
      const scene = await upgrading(transformer, client);
      ENDINGS[ending]?.(scene);
      // The WebSocket is faster than the answer to the poll.
      await roundTrips(scene.url).catch(() => {});
      scene.proxy.release();
      await scene.lost;
    });
  });

  it('the client notices without its heartbeat that its WebSocket is lost', async () => {
    const { proxy, lost } = await upgrading(transformer, 'ours');
    for (const socket of proxy.webSockets) socket.resetAndDestroy();
    proxy.release();
    await lost;
  });
});

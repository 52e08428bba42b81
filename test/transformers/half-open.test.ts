import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ServerOptions } from '../../src/index.js';
import { startRelay } from '../support/relay.js';
import { event, serve, until } from '../support/serve.js';

const TRANSPORTS: Record<string, ServerOptions> = {
  websockets: { transformer: 'websockets' },
  faye: { transformer: 'faye' },
  uws: { transformer: 'uws' },
  'engine.io, polling': { transformer: 'engine.io', transport: { transports: ['polling'] } },
  'engine.io, websocket': { transformer: 'engine.io', transport: { transports: ['websocket'] } },
  'socket.io': { transformer: 'socket.io' },
  browserchannel: { transformer: 'browserchannel' },
  'sockjs, websocket': { transformer: 'sockjs', transport: { transports: ['websocket'] } },
  'sockjs, xhr-streaming': { transformer: 'sockjs', transport: { transports: ['xhr-streaming'] } },
};

/** The descriptors of this process. */
const descriptors = () => readdirSync('/proc/self/fd').length;

describe.skipIf(process.platform !== 'linux').each(Object.entries(TRANSPORTS))('a client of %s whose network is gone', (_, options) => {
  it('is terminated by the heartbeat, and its descriptors are free', async () => {
    const { primus, port } = await serve({ ...options, pingInterval: 400 });
    const relay = await startRelay(port);
    const none = descriptors();
    const client = new primus.Socket(`http://127.0.0.1:${relay.port}`, {
      strategy: false,
      ...(options.transport && { transport: options.transport }),
    });
    const connected = event(primus, 'connection');
    await event(client, 'open');
    await connected;
    const ended = event(primus, 'disconnection');
    expect(relay.connections).toBeGreaterThan(0);
    relay.silence();
    // What is written waits for a peer that acknowledges nothing.
    for (let sent = 0; sent < 200; sent++) primus.write('x'.repeat(1_000));
    client.destroy();
    await ended;
    expect(primus.connected).toBe(0);
    // The relay may still have its end of a connection to the server; that of the server is closed.
    await until(() => descriptors() - none <= relay.connections);
  });
});

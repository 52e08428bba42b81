import { describe, expect, it } from 'vitest';
import { cleanup, event } from '../support/serve.js';
import { type Any, listening, ours, theirs } from './original.js';

const WEBSOCKETS = ['websockets', 'uws', 'faye'];
const SERVERS = [...WEBSOCKETS, 'engine.io', 'socket.io', 'sockjs', 'browserchannel'];
const CLIENTS = ['websockets', 'engine.io', 'socket.io', 'sockjs', 'browserchannel'];

/** The pairs of transformers of a server and a client that do not understand each other. */
function pairs(servers: string[], clients: string[]) {
  return servers.flatMap((server) =>
    clients
      .filter((client) => client !== server && !(WEBSOCKETS.includes(server) && WEBSOCKETS.includes(client)))
      .map((client) => ({ server, client })),
  );
}

const all = [
  ...pairs(SERVERS, CLIENTS).map((pair) => ({ ...pair, of: 'this package', make: ours })),
  // The original has no socket.io, and its uws does not run. Its Engine.IO lets a client of Socket.IO wait until the time-out.
  ...pairs(
    SERVERS.filter((name) => !/^(uws|socket.io)$/.test(name)),
    CLIENTS,
  )
    .filter(({ server, client }) => !(server === 'engine.io' && client === 'socket.io'))
    .map((pair) => ({ ...pair, of: '8.0.9', make: theirs })),
];

describe.each(all)('a client of $client at a server of $server of $of', ({ server, client, make }) => {
  it('gets an error that names the transformer of the server, and ends', async () => {
    const { port } = await listening(make, { transformer: server, ...(server === 'socket.io' && { transport: { connectTimeout: 200 } }) });
    const socket = new (ours.socket({ transformer: client }))(`http://127.0.0.1:${port}`, { reconnect: { min: 20, max: 50 } });
    cleanup(() => socket.destroy());
    const errors: Any[] = [];
    socket.on('error', (error: unknown) => errors.push(error));
    await event(socket, 'end');
    expect(errors).toMatchObject([
      {
        code: 'ERR_PRIMUS_TRANSFORMER',
        message: `The server speaks ${server}, this client ${client}: create it with \`transformer: '${server}'\``,
      },
    ]);
    expect(socket.state).toMatchObject({ name: 'closed', by: 'failure' });
  });
});

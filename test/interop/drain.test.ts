import { lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { cleanup, event, until } from '../support/serve.js';
import { directions, listening, ours } from './original.js';

const meetings = directions('websockets', 'engine.io', 'sockjs', 'faye', 'browserchannel').filter(({ server }) => server === ours);

describe.each(meetings)('a client of 8.0.9 over $transformer whose server drains', ({ transformer, server, client }) => {
  it('gets what was written, nothing of `primus::server::retry`, and a close after which it follows its own strategy', async () => {
    const { primus, port } = await listening(server, { transformer });
    const Client = client.socket({ transformer });
    const socket = new Client(`http://127.0.0.1:${port}`, { reconnect: { min: 20, max: 50, retries: 1_000 } });
    cleanup(() => socket.destroy());
    await event(socket, 'open');
    await until(() => primus.connected === 1);
    const seen: unknown[] = [];
    socket.on('data', (data: unknown) => seen.push(data));
    for (const name of ['close', 'end']) socket.on(name, () => seen.push(name));
    primus.write('last');
    const scheduled = event(socket, 'reconnect scheduled');
    expect(await lastValueFrom(primus.drain({ over: 0, retryAfter: 60_000 }))).toMatchObject({ remaining: 0, ended: 1 });
    const [{ scheduled: delay }] = (await scheduled) as [{ scheduled: number }];
    expect(seen).toEqual(['last', 'close']);
    expect(delay).toBeLessThan(1_000);
  });
});

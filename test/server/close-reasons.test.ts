import { describe, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { withCloseReasons } from '../../client/close-reasons.js';
import type { WebSocketLike } from '../../client/platform/platform.js';
import { configure } from '../../client/primus.js';
import type { ClientOptions, Primus, ServerOptions } from '../../src/index.js';
import { Clock } from '../support/clock.js';
import { cleanup, event, serve, until } from '../support/serve.js';
import { CLOSE, handshake, raw } from './raw.js';

const OFFER = 'Sec-WebSocket-Protocol: primus, primus.refused\r\n';

const refusing = (error: unknown, more: ServerOptions = {}): ServerOptions => ({
  refuseWithClose: true,
  authorization: (_request, done) => done(error),
  ...more,
});

/** A client that, as in a page, cannot see the status of a rejected handshake. */
function page(primus: Primus, url: string, options: ClientOptions = {}) {
  const { parts, configuration } = primus.Socket;
  const platform = withCloseReasons(parts.platform, (address, protocols) => new WebSocket(address, protocols) as unknown as WebSocketLike);
  const client = new (configure({ ...parts, platform }, configuration))(url, options);
  cleanup(() => client.destroy());
  return client;
}

describe('refuseWithClose', () => {
  it('rejects a client that understands close reasons with a close frame', async () => {
    const { port, primus } = await serve(refusing({ statusCode: 403, message: 'not you' }));
    const peer = (await raw(port)).send(handshake('/primus', OFFER));
    const head = await peer.answer();
    expect(head).toMatch(/^HTTP\/1\.1 101 /);
    expect(head).toMatch(/^sec-websocket-protocol: primus\.refused$/im);
    expect(head).toMatch(/^sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=$/im);
    const { opcode, payload } = await peer.frame();
    expect([opcode, payload.readUInt16BE()]).toEqual([CLOSE, 4403]);
    expect(JSON.parse(payload.subarray(2).toString())).toEqual({ error: 'not you' });
    expect(primus.connected).toBe(0);
  });

  it.each([
    ['no offer', handshake('/primus')],
    ['one subprotocol only', handshake('/primus', 'Sec-WebSocket-Protocol: primus\r\n')],
    ['an invalid key', handshake('/primus', OFFER).replace('dGhlIHNhbXBsZSBub25jZQ==', 'x')],
    ['another version', handshake('/primus', OFFER).replace('Version: 13', 'Version: 8')],
    ['another protocol', handshake('/primus', OFFER).replace('Upgrade: websocket', 'Upgrade: h2c')],
    ['another method', handshake('/primus', OFFER).replace('GET', 'POST')],
  ])('answers with the status when the request has %s', async (_name, bytes) => {
    const { port } = await serve(refusing('no'));
    expect(await (await raw(port)).send(bytes).answer()).toContain(' 401 ');
  });

  it('is off by default', async () => {
    const { port } = await serve(refusing('no', { refuseWithClose: false }));
    expect(await (await raw(port)).send(handshake('/primus', OFFER)).answer()).toContain(' 401 ');
  });

  it('reports rejections by other layers as well', async () => {
    const { port } = await serve({ refuseWithClose: true, origins: 'http://a.example' });
    const peer = (await raw(port)).send(handshake('/primus', `${OFFER}Origin: http://evil.example\r\n`));
    await peer.answer();
    expect(await peer.closeCode()).toBe(4403);
  });

  it.each<[string, unknown, object]>([
    ['the challenge', { message: 'no', authenticate: 'Basic realm="x"' }, { error: 'no', authenticate: 'Basic realm="x"' }],
    ['a challenge left out where it does not fit', { message: 'no', authenticate: `Basic realm="${'x'.repeat(100)}"` }, { error: 'no' }],
    ['a truncated message', 'é'.repeat(200), { error: 'é'.repeat(55) }],
    ['an object as JSON', { message: { code: 7 } }, { error: '{"code":7}' }],
  ])('fits a reason with %s into the close frame', async (_name, error, reason) => {
    const { port } = await serve(refusing(error));
    const peer = (await raw(port)).send(handshake('/primus', OFFER));
    await peer.answer();
    const { payload } = await peer.frame();
    expect(payload.length).toBeLessThanOrEqual(125);
    expect(JSON.parse(payload.subarray(2).toString())).toEqual(reason);
  });

  it('waits for the closing handshake, up to its time-out', async () => {
    const scheduler = new Clock();
    const { port } = await serve(refusing('no', { scheduler, pingInterval: false, handshakeTimeout: false }));
    const peer = (await raw(port)).send(handshake('/primus', OFFER));
    await peer.answer();
    expect(await peer.closeCode()).toBe(4401);
    await until(() => scheduler.pending === 1);
    scheduler.advance(1_000);
    await peer.rest();
    expect(scheduler.pending).toBe(0);
  });

  it('gives a page the same error as the status gives other clients, and never opens', async () => {
    const { primus, url } = await serve(refusing({ message: 'who are you?', authenticate: 'Basic' }));
    const client = page(primus, url);
    const opened = vi.fn();
    client.on('open', opened);
    const ended = event(client, 'end');
    const [error] = await event(client, 'error');
    expect(error).toMatchObject({ code: 'ERR_PRIMUS_UNEXPECTED_RESPONSE', status: 401, reason: 'who are you?', authenticate: 'Basic' });
    await ended;
    expect(opened).not.toHaveBeenCalled();
    expect(client.state).toMatchObject({ name: 'closed', by: 'failure' });
  });

  it.each([401, 403])('ends a page that reconnects, and is rejected with 4%i, whatever its strategy is', async (statusCode) => {
    const { primus, url } = await serve({ refuseWithClose: true });
    const client = page(primus, url, { strategy: 'disconnect, timeout', reconnect: { min: 1 } });
    await event(client, 'open');
    await until(() => primus.connected === 1);
    primus.authorize((_request, done) => done({ statusCode, message: 'log in again' }));
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    const ended = event(client, 'end');
    primus.forEach((spark) => void spark.end(undefined, { reconnect: true }));
    await ended;
    expect(errors).toMatchObject([{ status: statusCode, reason: 'log in again' }]);
    expect(client.state).toMatchObject({ name: 'closed', by: 'failure', cause: { status: statusCode } });
  });

  it('brings a page back that meets a server that drains, whatever its strategy is', async () => {
    const { primus, url } = await serve({ refuseWithClose: true });
    const first = page(primus, url);
    await event(first, 'open');
    const run = primus.drain({ over: 600_000, retryAfter: 2_000 }).subscribe();
    const client = page(primus, url, { strategy: false, reconnect: () => 1 });
    const attempt = event(client, 'reconnect scheduled');
    expect((await event(client, 'error'))[0]).toMatchObject({ status: 503, retryAfter: 2_000 });
    const [{ scheduled }] = (await attempt) as [{ scheduled: number }];
    expect(scheduled).toBeGreaterThanOrEqual(2_001);
    expect(scheduled).toBeLessThanOrEqual(3_001);
    run.unsubscribe();
    client.open();
    await event(client, 'open');
    expect(client.state.name).toBe('open');
  });

  it('accepts a page as before', async () => {
    const { primus, url } = await serve(refusing(undefined));
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write(data)));
    const client = page(primus, url);
    client.write('hello');
    expect((await event(client, 'data'))[0]).toBe('hello');
    expect((client.socket as WebSocket).protocol).toBe('primus');
  });

  it('gives a page an ordinary error when the connection fails without a rejection', async () => {
    const { primus, url, server } = await serve({ refuseWithClose: true });
    server.prependListener('connection', (socket) => socket.destroy());
    const [error] = await event(page(primus, url, { strategy: false }), 'error');
    expect(error).toMatchObject({ code: 'ERR_PRIMUS_CONNECT' });
  });

  it('is a part of a served library only when the option is set', async () => {
    const { primus } = await serve();
    expect(primus.library()).not.toContain('PrimusCloseReasons');
  });
});

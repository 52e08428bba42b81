import { describe, expect, it } from 'vitest';
import { cleanup, event } from '../support/serve.js';
import { type Any, listening, type Make, ours, theirs } from './original.js';

const LIMIT = 1_000;
const LONG = 'x'.repeat(5_000);

/** A client that is connected, and its spark. The limits are those of the server, of what the client knows of it, and of the client. */
async function meet(transformer: string, server: Make, client: Make, limits: { server?: number; known?: number; client?: number }) {
  const { primus, port } = await listening(server, { transformer, ...(limits.server && { maxLength: limits.server }) });
  const Client = client.socket({ transformer, ...(limits.known && { maxLength: limits.known }) });
  const more = limits.client && { maxLength: limits.client };
  const socket = new Client(`http://127.0.0.1:${port}`, { strategy: 'disconnect', reconnect: { min: 20, max: 50 }, ...more });
  cleanup(() => socket.destroy());
  const [[spark]] = (await Promise.all([event(primus, 'connection'), event(socket, 'open')])) as [[Any], unknown];
  return { socket, spark };
}

const NAMED = { code: 'ERR_PRIMUS_DROPPED', closeCode: 1009 };

describe.each(['websockets', 'uws', 'engine.io', 'socket.io', 'sockjs', 'browserchannel', 'memory', 'faye'])('over %s', (transformer) => {
  it('a client that sends more than the server accepts gets an error that names the limit', async () => {
    // The class of a server in another process does not know its limit; that of this one does.
    const known = transformer === 'browserchannel';
    const { socket, spark } = await meet(transformer, ours, ours, { server: LIMIT, ...(known && { known: LIMIT }) });
    const errors = [event(socket, 'error'), event(spark, 'error')];
    socket.write(LONG);
    const [[sender], [receiver]] = (await Promise.all(errors)) as [[Error], [Any]];
    // The reason is that of the framework faye, which does not give the number.
    const names = transformer === 'faye' ? /A message exceeds maxLength/ : /A message exceeds maxLength \(1000\)/;
    expect(sender).toMatchObject({ ...NAMED, message: expect.stringMatching(names) });
    expect(receiver.code).toBe('ERR_PRIMUS_DROPPED');
    // It is connected again.
    await event(socket, 'open');
    expect(socket.readyState).toBe(3);
  });
});

// The others carry no close code from a client to the server.
describe.each(['websockets', 'uws', 'faye', 'memory'])('over %s', (transformer) => {
  it('a server that sends more than a client accepts gets an error that names the limit', async () => {
    const { socket, spark } = await meet(transformer, ours, ours, { client: LIMIT });
    const errors = [event(socket, 'error'), event(spark, 'error')];
    spark.write(LONG);
    const [[receiver], [sender]] = (await Promise.all(errors)) as [[Any], [Error]];
    expect(sender).toMatchObject({ ...NAMED, message: expect.stringContaining('A message exceeds maxLength (1000)') });
    expect(receiver.code).toBe('ERR_PRIMUS_DROPPED');
  });
});

describe.each(['websockets', 'engine.io', 'sockjs', 'faye'])('8.0.9 over %s', (transformer) => {
  it('closes when a message exceeds its limit, and our client gets an error', async () => {
    const { socket } = await meet(transformer, theirs, ours, { server: LIMIT });
    const error = event(socket, 'error');
    const closed = event(socket, 'close');
    socket.write(LONG);
    // From engine.io 6.6.13 on, the end of the poll may overtake the status 413 of the request: then the connection is lost without a reason.
    if (transformer === 'engine.io') return expect(await Promise.race([error, closed])).toBeDefined();
    expect((await error)[0]).toMatchObject({ ...NAMED, message: expect.stringContaining('A message exceeds maxLength') });
  });

  it('has clients without a limit, to which our server sends what it has', async () => {
    const { socket, spark } = await meet(transformer, ours, theirs, { server: LIMIT });
    const data = event(socket, 'data');
    spark.write(LONG);
    expect((await data)[0]).toBe(LONG);
  });
});

describe.each(['websockets', 'engine.io', 'sockjs', 'browserchannel', 'faye'])('over %s, with both packages', (transformer) => {
  it.each([
    ['8.0.9', theirs],
    ['ours', ours],
  ])('maxLength is what the server accepts, not what its clients accept: %s', async (_name, make) => {
    const { primus, port } = await listening(make, { transformer, maxLength: LIMIT });
    const socket = new primus.Socket(`http://127.0.0.1:${port}`);
    cleanup(() => socket.destroy());
    const data = event(socket, 'data');
    primus.on('connection', (spark: Any) => spark.write(LONG));
    expect((await data)[0]).toBe(LONG);
  });
});

describe('8.0.9 over browserchannel', () => {
  it('has no limit, and gets what our client sends', async () => {
    const { socket, spark } = await meet('browserchannel', theirs, ours, { server: LIMIT, known: LIMIT });
    const data = event(spark, 'data');
    socket.write(LONG);
    expect((await data)[0]).toBe(LONG);
  });
});

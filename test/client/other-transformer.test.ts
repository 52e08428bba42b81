import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nanoid } from 'nanoid';
import { NEVER, of, throwError } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { explainingOtherTransformer } from '../../client/platform/other-transformer.js';
import type { Platform } from '../../client/platform/platform.js';
import { LinkError } from '../../src/core/errors.js';
import type { Link } from '../../src/core/link.js';
import type { ClientTransformer, Target } from '../../src/core/transformer.js';

const SPEC = JSON.stringify({ transformer: 'engine.io' });
const CONNECT = new LinkError('ERR_PRIMUS_CONNECT', 'The connection could not be established');

/** A server that answers so; its requests are recorded. */
async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void, file?: string) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    answer(request, response);
  });
  server.listen(file ?? { port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { asked, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** The error of a client that fails so. */
function errorOf(url: string, cause: LinkError = CONNECT, name = 'websockets', half: Partial<ClientTransformer<Platform>> = {}) {
  const client = explainingOtherTransformer({ connect: () => throwError(() => cause), ...half }, name);
  return new Promise<LinkError>((resolve) => client.connect({ url } as Target<Platform>).subscribe({ error: resolve }));
}

describe('a client that cannot connect', () => {
  it('asks the server once for its specification, below the pathname', async () => {
    const { asked, host } = await serve((_request, response) => response.end(SPEC));
    const error = await errorOf(`ws://user:pass@${host}/app/live?token=secret`);
    expect(error).toMatchObject({
      code: 'ERR_PRIMUS_TRANSFORMER',
      message: expect.stringContaining('The server speaks engine.io'),
      cause: CONNECT,
    });
    expect(asked).toEqual(['/app/live/spec']);
  });

  it('leaves the path of its framework out', async () => {
    const { asked, host } = await serve((_request, response) => response.end(SPEC));
    await errorOf(`http://${host}/app/websocket/`, CONNECT, 'sockjs', { path: '/websocket' });
    expect(asked).toEqual(['/app/spec']);
  });

  it('asks through a socket file', async () => {
    const file = join(tmpdir(), `primus-${nanoid(8)}.sock`);
    const { asked } = await serve((_request, response) => response.end(SPEC), file);
    expect(await errorOf(`ws+unix://${file}:/app`)).toMatchObject({ code: 'ERR_PRIMUS_TRANSFORMER' });
    expect(asked).toEqual(['/app/spec']);
  });

  it.each<[string, (request: IncomingMessage, response: ServerResponse) => void]>([
    ['the same transformer', (_request, response) => response.end('{"transformer":"websockets"}')],
    ['one that speaks the same', (_request, response) => response.end('{"transformer":"faye"}')],
    ['a transformer of its own', (_request, response) => response.end('{"transformer":"custom"}')],
    ['something else than a string', (_request, response) => response.end('{"transformer":{"toString":1}}')],
    ['no JSON', (_request, response) => response.end('<!doctype html>')],
    ['null', (_request, response) => response.end('null')],
    ['more than a specification has', (_request, response) => response.end(`{"x":"${'x'.repeat(20_000)}","transformer":"engine.io"}`)],
    ['nothing', (request) => request.socket.destroy()],
    ['nothing for seconds', () => {}],
  ])('keeps its error when the server answers with %s', async (_what, answer) => {
    const { host, asked } = await serve(answer);
    expect(await errorOf(`ws://${host}/primus`)).toBe(CONNECT);
    expect(asked).toHaveLength(1);
  });

  it.each([
    ['the server rejects it', new LinkError('ERR_PRIMUS_UNEXPECTED_RESPONSE', 'no', { status: 401 })],
    ['the server is overloaded', new LinkError('ERR_PRIMUS_UNEXPECTED_RESPONSE', 'no', { status: 503 })],
    ['nothing listens', new LinkError('ERR_PRIMUS_CONNECT', 'no', { cause: Object.assign(new Error('no'), { code: 'ECONNREFUSED' }) })],
  ])('does not ask when %s', async (_when, cause) => {
    const { host, asked } = await serve((_request, response) => response.end(SPEC));
    expect(await errorOf(`ws://${host}/primus`, cause)).toBe(cause);
    expect(asked).toEqual([]);
  });

  it('asks whether the path is right when there is no specification', async () => {
    const { host } = await serve((_request, response) => response.writeHead(404).end());
    expect(await errorOf(`ws://${host}/chat?a=b`)).toMatchObject({
      code: 'ERR_PRIMUS_CONNECT',
      message: 'The connection could not be established. Is /chat the pathname of the server?',
    });
  });

  it('keeps its error when the address is invalid', async () => {
    expect(await errorOf('ws://127.0.0.1:80x/primus')).toBe(CONNECT);
    expect(await errorOf('')).toBe(CONNECT);
  });

  it('stops asking when the attempt is abandoned', async () => {
    const events = new EventEmitter();
    const [arrived, closed] = [once(events, 'arrived'), once(events, 'closed')];
    const { host } = await serve((request) => {
      request.on('close', () => events.emit('closed'));
      events.emit('arrived');
    });
    const emitted: unknown[] = [];
    const half = explainingOtherTransformer({ connect: () => throwError(() => CONNECT) }, 'websockets');
    const attempt = half.connect({ url: `ws://${host}/primus` } as Target<Platform>).subscribe({ error: (error) => emitted.push(error) });
    await arrived;
    attempt.unsubscribe();
    await closed;
    expect(emitted).toEqual([]);
  });
});

describe('a client that connects', () => {
  it('asks nothing', async () => {
    const { host, asked } = await serve((_request, response) => response.end(SPEC));
    const link = { subscribe: () => ({ unsubscribe() {} }) } as unknown as Link;
    const half = explainingOtherTransformer({ connect: () => of(link) }, 'websockets');
    const links: Link[] = [];
    half.connect({ url: `ws://${host}/primus` } as Target<Platform>).subscribe((one) => links.push(one));
    expect(links).toEqual([link]);
    expect(asked).toEqual([]);
  });

  it('is used as it is when its transformer is none of ours', () => {
    const half: ClientTransformer<Platform> = { connect: () => NEVER };
    expect(explainingOtherTransformer(half, 'mine')).toBe(half);
  });
});

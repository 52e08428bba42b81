import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ClientHttp2Session, createSecureServer, type IncomingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Primus, type Spark } from '../../src/index.js';
import { certificate } from '../support/certificate.js';
import { dial, possible, serveHttp2 } from '../support/http2.js';
import { cleanup, event, requested, until } from '../support/serve.js';
import { watchForCrashes } from './crashes.js';

interface Answer {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  body: string;
}

/** One request over a session. */
async function ask(session: ClientHttp2Session, path: string, headers: object = {}, content?: string): Promise<Answer> {
  const stream = session.request({ ':path': path, ...headers }, { endStream: content === undefined });
  if (content !== undefined) stream.end(content);
  const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status'?: number }];
  let body = '';
  for await (const chunk of stream) body += chunk;
  return { status: answer[':status'], headers: answer, body };
}

describe.skipIf(!possible)('a server that speaks HTTP/2 (needs openssl)', () => {
  watchForCrashes();

  it('needs a certificate', () => {
    expect(() => Primus.createServer({ http2: true })).toThrow(
      expect.objectContaining({ code: 'ERR_PRIMUS_OPTION', message: expect.stringMatching(/http2.*certificate/) }),
    );
  });

  it('serves the library and the specification, cross-origin too', async () => {
    const { session } = await serveHttp2({ origins: ['https://a.example'] });
    const library = await ask(session, '/primus/primus.js');
    expect(library).toMatchObject({ status: 200, headers: { 'content-type': 'text/javascript; charset=utf-8' } });
    expect(library.body).toContain('Primus');
    const spec = await ask(session, '/primus/spec', { origin: 'https://a.example' });
    expect(spec.headers['access-control-allow-origin']).toBe('https://a.example');
    expect(JSON.parse(spec.body)).toMatchObject({ transformer: 'websockets' });
    expect((await ask(session, '/primus/spec', { origin: 'https://b.example' })).status).toBe(403);
    // The origins that may use this server are not those it is authoritative for (RFC 8336).
    expect(session.originSet).not.toContain('https://a.example');
  });

  it('rejects requests that HTTP/2 cannot carry, without the headers it forbids, and stays alive', async () => {
    const { primus, session } = await serveHttp2();
    const noted: Error[] = [];
    const note = (warning: Error) => void noted.push(warning);
    process.on('warning', note);
    cleanup(() => process.removeListener('warning', note));
    const plain = await ask(session, '/primus');
    expect(plain).toMatchObject({ status: 426, body: 'Upgrade Required' });
    expect(plain.headers).not.toHaveProperty('upgrade');
    expect((await ask(session, '/elsewhere')).status).toBe(404);
    primus.use('half', (_request, response) => {
      response.writeHead(200);
      response.write('half');
      throw new Error('and no more');
    });
    expect(await ask(session, '/primus')).toMatchObject({ status: 200, body: 'half' });
    expect(noted).toEqual([]);
  });

  it('runs middleware and authorization, and passes other requests to its own listeners', async () => {
    const { primus, session } = await serveHttp2({
      authorization: (request, done) => done(request.headers.authorization ? undefined : { authenticate: 'Basic realm="x"' }),
    });
    const hello = (request: IncomingMessage, response: ServerResponse) => {
      if (request.url !== '/primus/hello') return false;
      response.end(`over ${request.httpVersion}`);
      return true;
    };
    primus.use('hello', hello, undefined, 0);
    expect((await ask(session, '/primus/hello')).body).toBe('over 2.0');
    expect(await ask(session, '/primus/x')).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } });
    primus.server.on('request', (_request, response) => response.end('the app'));
    expect((await ask(session, '/elsewhere')).body).toBe('the app');
  });

  it('upgrades WebSockets over HTTP/1.1', async () => {
    const { primus, url } = await serveHttp2();
    const announced = event(primus, 'connection');
    const client = new primus.Socket(url, { transport: { rejectUnauthorized: false } });
    cleanup(() => client.destroy());
    client.write('up');
    const [spark] = (await announced) as [Spark];
    expect((await event(spark, 'data'))[0]).toBe('up');
    expect(spark.request.httpVersion).toBe('1.1');
    expect(spark.address).toMatchObject({ secure: true });
  });

  it.each(['engine.io', 'sockjs'])('carries the requests of %s', async (transformer) => {
    const { primus, session } = await serveHttp2({ transformer });
    const announced = event(primus, 'connection');
    if (transformer === 'sockjs') expect((await ask(session, '/primus/1/a/xhr?token=x', { ':method': 'POST' })).body).toBe('o\n');
    else expect((await ask(session, '/primus/?EIO=4&transport=polling&token=x')).body).toMatch(/^0\{"sid":/);
    const [spark] = (await announced) as [Spark];
    expect(spark.query.token).toBe('x');
    expect(spark.request.httpVersion).toBe('2.0');
    expect(spark.address).toMatchObject({ ip: expect.stringMatching(/127\.0\.0\.1|::1/), secure: true });
  });

  it('carries the requests of browserchannel: polls that end, are aborted, or lose their connection', async () => {
    const { primus, session, url } = await serveHttp2({ transformer: 'browserchannel', pingInterval: false });
    const announced = event(primus, 'connection');
    const post = { ':method': 'POST', 'content-type': 'application/x-www-form-urlencoded' };
    const { body } = await ask(session, '/primus/bind?VER=8&RID=1&token=x', post, 'count=0');
    const [spark] = (await announced) as [Spark];
    expect(spark.query.token).toBe('x');
    expect(spark.address).toMatchObject({ ip: expect.stringMatching(/127\.0\.0\.1|::1/), secure: true });
    const bind = `/primus/bind?VER=8&SID=${/\["c","([^"]+)"/.exec(body)?.[1]}`;
    const poll = (by: ClientHttp2Session) => by.request({ ':path': `${bind}&RID=rpc&TYPE=xmlhttp&CI=1&AID=0` }).on('error', () => {});
    const received = event(spark, 'data');
    await ask(session, `${bind}&RID=2`, post, 'count=1&ofs=0&req0__S=%22up%22');
    expect((await received)[0]).toBe('up');
    const server = primus.server as never;
    let arrived = requested(server);
    const given = poll(session);
    let closed = once((await arrived) as never, 'close');
    given.close();
    await closed;
    const other = dial(url);
    arrived = requested(server);
    poll(other);
    closed = once((await arrived) as never, 'close');
    other.destroy();
    await closed;
    spark.write('down');
    expect((await ask(session, `${bind}&RID=rpc&TYPE=xmlhttp&CI=1&AID=0`)).body).toContain('\\"down\\"');
    spark.end();
    await until(() => primus.connected === 0);
  });

  it('closes idle sessions when it is destroyed, and terminates the others', async () => {
    const { primus, session, url } = await serveHttp2();
    await ask(session, '/primus/spec');
    const busy = dial(url);
    primus.server.on('request', (_request, response) => response.write('for ever'));
    const stream = busy.request({ ':path': '/elsewhere' });
    stream.on('error', () => {});
    await once(stream, 'response');
    const idle = once(session, 'close');
    const gone = once(busy, 'close');
    const done = new Promise<void>((resolve) => primus.destroy(resolve));
    await idle;
    expect(busy.destroyed).toBe(false);
    await Promise.all([done, gone]);
  });

  it('may be made by the application, and is left unchanged', async () => {
    const folder = certificate() as string;
    const [cert, key] = ['cert.pem', 'key.pem'].map((name) => readFileSync(join(folder, name)));
    const server = createSecureServer({ allowHTTP1: true, cert, key });
    const names = ['request', 'upgrade', 'session', 'connection'];
    const before = names.map((name) => server.listenerCount(name));
    const primus = new Primus(server as never);
    server.listen(0);
    await once(server, 'listening');
    cleanup(() => new Promise((resolve) => server.close(resolve)));
    const session = dial(`https://localhost:${(server.address() as AddressInfo).port}`);
    expect((await ask(session, '/primus/spec')).status).toBe(200);
    await new Promise<void>((resolve) => primus.destroy({ close: false }, resolve));
    expect(names.map((name) => server.listenerCount(name))).toEqual(before);
    expect(server.listening).toBe(true);
    server.on('request', (_request, response) => response.end('the app'));
    expect((await ask(session, '/primus/spec')).body).toBe('the app');
    session.destroy();
  });
});

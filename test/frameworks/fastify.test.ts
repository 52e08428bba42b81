import { readFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fastify } from 'fastify';
import { describe, expect, it } from 'vitest';
import { Primus, type ServerOptions, type Spark } from '../../src/index.js';
import { certificate } from '../support/certificate.js';
import { cleanup, event, until } from '../support/serve.js';

/** A Fastify app with a Primus on its server, which is destroyed when the app is closed. */
async function serve(options: ServerOptions = {}) {
  const app = fastify();
  const primus = new Primus(app.server, options);
  app.addHook('preClose', (done) => void primus.destroy({ close: false }, done));
  app.get('/hello', async () => 'from Fastify');
  app.post('/echo', async ({ body }) => body);
  await app.listen({ port: 0, host: '127.0.0.1' });
  cleanup(() => app.close());
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const connect = (query = '') => {
    const client = new primus.Socket(url + query, { reconnect: { min: 10, max: 20 } });
    cleanup(() => client.destroy());
    return client;
  };
  return { app, primus, url, connect };
}

describe('Fastify and Primus on one server', () => {
  it.each(['websockets', 'engine.io', 'sockjs'])('work beside each other over %s', async (transformer) => {
    const { primus, url, connect } = await serve({ transformer });
    const announced = event(primus, 'connection');
    const client = connect('/?token=x');
    const [spark] = (await announced) as [Spark];
    spark.on('data', (data) => spark.write(data));
    client.write('over Primus');
    expect((await event(client, 'data'))[0]).toBe('over Primus');
    expect(spark.query.token).toBe('x');
    expect(spark.request.headers.host).toBe(url.slice('http://'.length));
    expect(await (await fetch(`${url}/hello`)).text()).toBe('from Fastify');
    expect(await (await fetch(`${url}/echo`, { method: 'POST', body: 'a body' })).text()).toBe('a body');
    expect(await (await fetch(`${url}/primus/spec`)).json()).toMatchObject({ transformer });
    expect(await (await fetch(`${url}/primusfoo`)).json()).toMatchObject({ statusCode: 404, message: expect.stringContaining('Route') });
  });

  it('does not affect injected requests', async () => {
    const { app } = await serve();
    expect((await app.inject('/hello')).body).toBe('from Fastify');
    expect((await app.inject('/primus/spec')).statusCode).toBe(404);
  });

  it('close together', async () => {
    const { app, primus, connect } = await serve();
    const client = connect();
    await event(client, 'open');
    const ended = event(client, 'end');
    await app.close();
    await ended;
    expect(primus.connected).toBe(0);
    expect(app.server.listening).toBe(false);
  });

  it('share an HTTP/2 server', async ({ skip }) => {
    const root = certificate();
    if (root === undefined) return skip('there is no openssl');
    const [cert, key] = ['cert.pem', 'key.pem'].map((name) => readFileSync(join(root, name)));
    const app = fastify({ http2: true, https: { allowHTTP1: true, cert, key } } as { http2: true; https: { allowHTTP1: true } });
    const primus = new Primus(app.server as never);
    app.addHook('preClose', (done) => void primus.destroy({ close: false }, done));
    app.get('/hello', async () => 'from Fastify');
    await app.listen({ port: 0, host: '127.0.0.1' });
    cleanup(() => app.close());
    const url = `https://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
    const session = connectHttp2(url, { rejectUnauthorized: false });
    cleanup(() => session.destroy());
    const bodies: { [path: string]: string } = {};
    for (const path of ['/hello', '/primus/spec']) {
      const stream = session.request({ ':path': path });
      stream.on('data', (chunk) => {
        bodies[path] = `${bodies[path] ?? ''}${chunk}`;
      });
    }
    const client = new primus.Socket(url, { transport: { rejectUnauthorized: false } });
    cleanup(() => client.destroy());
    await event(client, 'open');
    await until(() => Object.keys(bodies).length === 2);
    expect(bodies['/hello']).toBe('from Fastify');
    expect(bodies['/primus/spec']).toContain('"transformer":"websockets"');
    session.close();
  });
});

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { get, type RequestOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freePort } from '../../scripts/ports.mjs';
import { type CreateServerOptions, Primus, type Spark } from '../../src/index.js';
import { certificate } from '../support/certificate.js';
import { cleanup, event } from '../support/serve.js';

/** A server made by `createServer`, and its port. */
async function create(...args: Parameters<typeof Primus.createServer> | [CreateServerOptions]) {
  const primus = (Primus.createServer as (...args: unknown[]) => Primus)(...args);
  cleanup(() => new Promise<void>((resolve) => primus.destroy(resolve)));
  await once(primus.server as never, 'listening');
  return { primus, port: (primus.server.address() as AddressInfo).port };
}

describe('createServer', () => {
  it('listens on a free port, with the listener of connections', async () => {
    const sparks: Spark[] = [];
    const { primus, port } = await create((spark: Spark) => void sparks.push(spark));
    expect(port).toBeGreaterThan(0);
    const client = new primus.Socket(`http://localhost:${port}`);
    cleanup(() => client.destroy());
    await event(client, 'open');
    expect(sparks.map(({ id }) => id)).toEqual(Object.keys(primus.connections));
  });

  it('accepts options alone, and listens on their host and port', async () => {
    const spare = createServer().listen(0, '127.0.0.1');
    await once(spare, 'listening');
    const free = (spare.address() as AddressInfo).port;
    await new Promise((resolve) => spare.close(resolve));
    const { primus, port } = await create({ port: free, host: '127.0.0.1', pathname: '/live' });
    expect(port).toBe(free);
    expect((primus.server.address() as AddressInfo).address).toBe('127.0.0.1');
    expect(await (await fetch(`http://127.0.0.1:${port}/live/spec`)).json()).toMatchObject({ pathname: '/live' });
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404);
  });

  it('takes the port as a string too', async () => {
    const free = await freePort();
    const { port } = await create({ port: String(free), iknowhttpsisbetter: true });
    expect(port).toBe(free);
  });

  it.each([-1, 65_536, 1.5, Number.NaN, '', ' ', '80a', '65536', '1.5', '/run/socket', {}])('rejects the port %o', (port) => {
    expect(() => Primus.createServer({ port: port as never })).toThrow(
      expect.objectContaining({ code: 'ERR_PRIMUS_OPTION', message: expect.stringContaining('port') }),
    );
  });

  it('rejects a root that is not a path, and options that are not an object', () => {
    expect(() => Primus.createServer({ root: 1 as never })).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
    expect(() => Primus.createServer({ pathname: 1 as never })).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
  });

  it('rejects half a certificate, instead of serving without TLS', () => {
    for (const half of [{ cert: 'cert.pem' }, { key: 'key.pem' }]) {
      expect(() => Primus.createServer(half)).toThrow(
        expect.objectContaining({ code: 'ERR_PRIMUS_OPTION', message: expect.stringMatching(/cert.*key/) }),
      );
    }
  });

  it('serves TLS with a certificate given by file name or by value', async ({ skip }) => {
    const root = certificate();
    if (root === undefined) return skip('there is no openssl');
    const [cert, key] = ['cert.pem', 'key.pem'].map((name) => readFileSync(join(root, name)));
    const ways: CreateServerOptions[] = [
      { root, cert: 'cert.pem', key: 'key.pem' },
      { cert: join(root, 'cert.pem'), key: join(root, 'key.pem') },
      { cert: String(cert), key: String(key) },
      { cert: cert as Buffer, key: key as Buffer },
    ];
    for (const way of ways) {
      const { primus, port } = await create((spark: Spark) => spark.on('data', (data) => spark.write(data)), way);
      for (const protocol of ['https', 'wss']) {
        const client = new primus.Socket(`${protocol}://localhost:${port}`, { transport: { rejectUnauthorized: false } });
        const echo = event(client, 'data');
        client.write('over TLS');
        expect((await echo)[0]).toBe('over TLS');
        client.destroy();
      }
      // By default a client rejects a self-signed certificate.
      const wary = new primus.Socket(`https://localhost:${port}`, { strategy: false });
      const [error] = await event(wary, 'error');
      expect(error).toMatchObject({ code: 'ERR_PRIMUS_CONNECT' });
      wary.destroy();
    }
  });

  it('listens on `hostname`, the older name of `host`', async () => {
    const { primus } = await create({ hostname: '127.0.0.1', iknowhttpsisbetter: true });
    expect((primus.server.address() as AddressInfo).address).toBe('127.0.0.1');
  });

  it('accepts a pfx with its passphrase, and checks client certificates', async ({ skip }) => {
    const root = certificate();
    if (root === undefined) return skip('there is no openssl');
    const [cert, key] = ['cert.pem', 'key.pem'].map((name) => readFileSync(join(root, name)));
    const pfx = { pfx: readFileSync(join(root, 'both.pfx')), passphrase: 'secret' };
    for (const way of [pfx, { root, pfx: 'both.pfx', passphrase: 'secret' }] as CreateServerOptions[]) {
      const { port } = await create({ ...way, ca: [join(root, 'cert.pem')], requestCert: true });
      expect(await status({ port, path: '/primus/spec', rejectUnauthorized: false, cert: cert as Buffer, key: key as Buffer })).toBe(200);
      await expect(status({ port, path: '/primus/spec', rejectUnauthorized: false })).rejects.toThrow();
    }
  });

  it('names the file of a certificate that cannot be read', () => {
    for (const name of ['cert', 'key', 'ca', 'pfx', 'crl'] as const) {
      const options = { root: '/nowhere', cert: '-----BEGIN', key: '-----BEGIN', [name]: 'missing.pem' };
      expect(() => Primus.createServer(options)).toThrow(
        expect.objectContaining({
          code: 'ERR_PRIMUS_OPTION',
          message: expect.stringMatching(new RegExp(`\`${name}\` names a file.*/nowhere/missing.pem.*root`)),
          cause: expect.objectContaining({ code: 'ENOENT' }),
        }),
      );
    }
  });

  it('rejects an invalid certificate, and never repeats a possible key', ({ skip }) => {
    const root = certificate();
    if (root === undefined) return skip('there is no openssl');
    const secret = `c2VjcmV0${'x'.repeat(2_000)}`;
    for (const odd of [
      { cert: '-----BEGIN', key: '-----BEGIN' },
      { pfx: Buffer.from('none') },
      { root, pfx: 'both.pfx', passphrase: 'wrong' },
      { root, cert: 'cert.pem', key: secret },
      { root, cert: 'cert.pem', key: 'c2VjcmV0\nc2VjcmV0' },
      { root, cert: 'cert.pem', key: 7 as never },
      { root, cert: 'cert.pem', key: [{ pem: 'c2VjcmV0' }] as never },
    ]) {
      let error: unknown;
      try {
        Primus.createServer(odd);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toMatchObject({ code: 'ERR_PRIMUS_OPTION' });
      expect(String(error)).not.toContain('c2VjcmV0');
    }
  });

  it('passes on the options of Node’s servers', async () => {
    const { port } = await create({ maxHeaderSize: 2_000, iknowhttpsisbetter: true });
    const headers = { 'X-Long': 'x'.repeat(3_000) };
    expect((await fetch(`http://localhost:${port}/primus/spec`, { headers })).status).toBe(431);
  });

  it('warns about plain HTTP, unless the option silences it', async ({ skip }) => {
    const root = certificate();
    const heard: Error[] = [];
    const listen = (warning: Error) => void heard.push(warning);
    process.on('warning', listen);
    cleanup(() => process.removeListener('warning', listen));
    await create({ iknowhttpsisbetter: true });
    if (root !== undefined) await create({ root, cert: 'cert.pem', key: 'key.pem' });
    expect(heard).toEqual([]);
    await create({});
    expect(heard).toMatchObject([
      { name: 'PrimusWarning', code: 'PRIMUS_HTTP', message: expect.stringMatching(/HTTPS.*iknowhttpsisbetter/) },
    ]);
    if (root === undefined) skip('there is no openssl: HTTPS was not asked');
  });
});

/** The status of an HTTPS request to this machine. */
function status(options: RequestOptions): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get({ host: 'localhost', agent: false, ...options }, (response) => resolve(response.resume().statusCode)).on('error', reject);
  });
}

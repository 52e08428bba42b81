import { describe, expect, it } from 'vitest';
import type { ServerOptions, Spark } from '../../src/index.js';
import { trusted, trusts } from '../../src/server/middleware/proxies.js';
import { event, serve } from '../support/serve.js';
import { handshake, raw } from './raw.js';

/** The address of a spark that came with these headers; `asked` is what authorization saw. */
async function arrive(options: ServerOptions, headers: string[]) {
  let asked: unknown;
  const authorization: ServerOptions['authorization'] = (request, done) => {
    asked = (request as { forwarded?: unknown }).forwarded;
    done();
  };
  const { primus, port } = await serve({ ...options, authorization });
  const announced = event(primus, 'connection');
  const peer = await raw(port);
  await peer.send(handshake('/primus', headers.map((header) => `${header}\r\n`).join(''))).answer();
  const [{ address, remote }] = (await announced) as [Spark];
  expect(remote).toBe(address);
  return { address, asked, peer: { ip: '127.0.0.1', port: peer.socket.localPort, secure: false } };
}

const PROXY = { trustProxy: ['loopback'] };

describe('the address of a spark', () => {
  it.each(['X-Forwarded-For: 1.2.3.4', 'Forwarded: for=1.2.3.4', 'X-Real-IP: 1.2.3.4', 'X-Client-IP: 1.2.3.4'])(
    'is that of the socket when no proxy is trusted: %s',
    async (header) => {
      const { address, peer, asked } = await arrive({ trustProxy: false }, [header, 'X-Forwarded-Port: 1', 'X-Forwarded-Proto: https']);
      expect(address).toEqual(peer);
      expect(asked).toEqual(peer);
    },
  );

  it.each<[ServerOptions]>([[{}], [{ whitelist: [] }]])(
    'is the one that a proxy on the same machine or network reports with %o',
    async (options) => {
      const headers = ['X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.1.2.3, 192.168.0.9'];
      expect((await arrive(options, headers)).address).toEqual({ ip: '1.2.3.4', port: 0, secure: false });
    },
  );

  it.each([
    ['127.0.0.1', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['10.9.9.9', true],
    ['172.31.0.1', true],
    ['192.168.1.1', true],
    ['169.254.1.1', true],
    ['fe80::1%eth0', true],
    ['fd12::1', true],
    ['::ffff:10.0.0.1', true],
    ['', false],
    ['172.32.0.1', false],
    ['8.8.8.8', false],
    ['::ffff:8.8.8.8', false],
    ['2001:db8::1', false],
    ['not an address', false],
  ])('trusts the proxy at %j by default: %s', (ip, expected) => {
    expect(trusted({})?.(ip, 0)).toBe(expected);
  });

  it.each([[false], [0], [[]], ['']])('trusts no proxy with %o', (trustProxy) => {
    expect(trusted({ trustProxy })).toBeUndefined();
  });

  it('is that of the socket when its peer is not a trusted proxy', async () => {
    const { address, peer } = await arrive({ trustProxy: '10.0.0.0/8' }, ['X-Forwarded-For: 1.2.3.4']);
    expect(address).toEqual(peer);
  });

  it.each<[string[], string, number, boolean]>([
    [['X-Forwarded-For: 1.2.3.4'], '1.2.3.4', 0, false],
    [['X-Forwarded-For: 1.2.3.4:80'], '1.2.3.4', 80, false],
    [['X-Forwarded-For: 2001:db8::1'], '2001:db8::1', 0, false],
    [['X-Forwarded-For: [2001:db8::1]'], '2001:db8::1', 0, false],
    [['X-Forwarded-For: [2001:db8::1]:443'], '2001:db8::1', 443, false],
    [['X-Forwarded-For: 6.6.6.6, 1.2.3.4'], '1.2.3.4', 0, false],
    [['X-Forwarded-For: 6.6.6.6', 'X-Forwarded-For: 1.2.3.4'], '1.2.3.4', 0, false],
    [['X-Forwarded-For: 1.2.3.4, 127.0.0.1,127.0.0.9'], '1.2.3.4', 0, false],
    [['X-Forwarded-For: garbage, 1.2.3.4'], '1.2.3.4', 0, false],
    [['X-Forwarded-For: 1.2.3.4', 'X-Forwarded-Port: 99', 'X-Forwarded-Proto: https'], '1.2.3.4', 99, true],
    [['X-Forwarded-For: 1.2.3.4', 'X-Forwarded-Port: many', 'X-Forwarded-Proto: http'], '1.2.3.4', 0, false],
    [['X-Forwarded-For: 1.2.3.4:99999'], '1.2.3.4', 0, false],
    [['X-Real-IP: 1.2.3.4', 'X-Real-Port: 123'], '1.2.3.4', 123, false],
    [['Forwarded: for=1.2.3.4;proto=https;by=203.0.113.43'], '1.2.3.4', 0, true],
    [['Forwarded: For="[2001:db8::1]:4711"'], '2001:db8::1', 4711, false],
    [['Forwarded: for=6.6.6.6, proto=https; for="1.2.3.4:80"'], '1.2.3.4', 80, true],
    [['X-Forwarded-For: 1.2.3.4', 'Forwarded: for=6.6.6.6', 'X-Real-IP: 6.6.6.6'], '1.2.3.4', 0, false],
  ])('is the one that a trusted proxy reports: %o', async (headers, ip, port, secure) => {
    const { address, asked } = await arrive(PROXY, headers);
    expect(address).toEqual({ ip, port, secure });
    expect(asked).toEqual(address);
  });

  it.each([
    [['X-Forwarded-For: ']],
    [['X-Forwarded-For: ,']],
    [['X-Forwarded-For: garbage']],
    [['X-Forwarded-For: 1.2.3.4, garbage']],
    [['X-Forwarded-For: 1.2.3']],
    [['X-Forwarded-For: 999.1.1.1']],
    [['X-Forwarded-For: [1.2.3.4]']],
    [['X-Forwarded-For: ::ffff:']],
    [['X-Forwarded-For: 1.2.3.4:']],
    [['X-Real-IP: <script>']],
    [['Forwarded: for=unknown']],
    [['Forwarded: for=_hidden']],
    [['Forwarded: ;;;===']],
    [['Forwarded: by=1.2.3.4']],
    [[]],
  ])('is that of the proxy when it reports no address: %o', async (headers) => {
    const { address, peer } = await arrive(PROXY, headers);
    expect(address).toEqual(peer);
  });

  it('is the first from the right that is not trusted, over a hundred hops', async () => {
    const hops = Array.from({ length: 100 }, (_, index) => `10.0.0.${index}`);
    const { address } = await arrive({ trustProxy: ['127.0.0.1', '10.0.0.50/31', '10.0.0.52/30', '10.0.0.56/29', '10.0.0.64/26'] }, [
      `X-Forwarded-For: ${hops.join(', ')}`,
    ]);
    expect(address.ip).toBe('10.0.0.49');
    expect((await arrive({ trustProxy: true }, [`X-Forwarded-For: ${hops.join(', ')}`])).address.ip).toBe('10.0.0.0');
    expect((await arrive({ trustProxy: 2 }, [`X-Forwarded-For: ${hops.join(', ')}`])).address.ip).toBe('10.0.0.98');
  });

  it('can be found by a function, which is called for one hop after the other', async () => {
    const seen: unknown[] = [];
    const trustProxy = (ip: string, hop: number) => {
      seen.push([ip, hop]);
      return hop < 2;
    };
    const { address } = await arrive({ trustProxy }, ['X-Forwarded-For: 6.6.6.6, 1.1.1.1, 2.2.2.2']);
    expect(address.ip).toBe('1.1.1.1');
    expect(seen).toEqual([
      ['127.0.0.1', 0],
      ['2.2.2.2', 1],
      ['1.1.1.1', 2],
    ]);
  });

  it('uses the older name of the option', async () => {
    const { address } = await arrive({ whitelist: ['127.0.0.1'] }, ['X-Forwarded-For: 1.2.3.4']);
    expect(address.ip).toBe('1.2.3.4');
    const { primus } = await serve({ whitelist: ['127.0.0.1'] });
    expect(primus.whitelist).toEqual(['127.0.0.1']);
    expect((await serve()).primus.whitelist).toEqual([]);
  });

  it('survives a function that throws', async () => {
    const { port, primus, connect } = await serve({
      trustProxy: () => {
        throw new Error('not today');
      },
    });
    const head = await (await raw(port)).send(handshake('/primus', 'X-Forwarded-For: 1.2.3.4\r\n')).answer();
    expect(head).toContain(' 500 ');
    await event(connect(), 'open');
    expect(primus.connected).toBe(1);
  });
});

describe('trusted proxies', () => {
  it.each<[unknown, string, boolean]>([
    [['10.0.0.0/8'], '10.1.2.3', true],
    [['10.0.0.0/8'], '11.1.2.3', false],
    [['10.0.0.0/8'], '::ffff:10.1.2.3', true],
    [['10.0.0.1'], '10.0.0.2', false],
    ['10.0.0.1, 10.0.0.2', '10.0.0.2', true],
    [['2001:db8::/32'], '2001:db8:1::1', true],
    [['2001:db8::/32'], '2001:db9::1', false],
    [['loopback'], '127.9.9.9', true],
    [['loopback'], '::1', true],
    [['loopback'], '::ffff:127.0.0.1', true],
    [['uniquelocal'], '172.31.0.1', true],
    [['linklocal'], 'fe80::1%eth0', true],
    [['loopback'], '', false],
    [['unix'], '', true],
    [['loopback'], 'garbage', false],
    [true, 'anything', true],
  ])('%o: %s %s', (option, ip, verdict) => {
    expect(trusts(option)?.(ip, 0)).toBe(verdict);
  });

  it.each([[undefined], [null], [false], [0], [[]], ['']])('are none: %o', (option) => {
    expect(trusts(option)).toBeUndefined();
  });

  it.each([['garbage'], [['10.0.0.0/33']], [['10.0.0/8']], [['::/129']], [-1], [1.5], [{}], [['__proto__']], [['constructor']]])(
    'refuses %o',
    (option) => {
      expect(() => trusts(option)).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
    },
  );
});

import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nanoid } from 'nanoid';
import { until } from '../../support/wait.js';
import type { Any, Stage } from '../defects/stage.js';
import { compare, type Scenario } from './compare.js';

/** The places of an address at which the server of a scenario is, whatever its port and the path of its socket are. */
interface Place {
  readonly host: string;
  readonly file: string;
}

/** Replaces what differs from run to run. */
function same(text: string, { host, file }: Place): string {
  return text
    .replaceAll(file, '<file>')
    .replaceAll(host.split(':')[1] as string, '<port>')
    .replace(/_primuscb=[\w-]+/, '_primuscb=<unique>');
}

/** Listens on a port and on a socket file, and rejects all that comes. */
async function listen(stage: Stage): Promise<{ place: Place; seen: IncomingMessage[] }> {
  const seen: IncomingMessage[] = [];
  const file = join(tmpdir(), `primus-${nanoid(8)}.sock`);
  const listeners = [createServer(), createServer()];
  for (const server of listeners) {
    server.on('upgrade', (request, socket) => {
      seen.push(request);
      socket.destroy();
    });
    stage.cleanup(() => server.close());
  }
  const [tcp, unix] = listeners as [Any, Any];
  tcp.listen(0, 'localhost');
  unix.listen(file);
  await Promise.all([once(tcp, 'listening'), once(unix, 'listening')]);
  return { place: { host: `localhost:${(tcp.address() as AddressInfo).port}`, file }, seen };
}

/** The outcome without a request: there is no such host, or no server. */
const NOTHING = 'no connection';

/** Returns the request of a client's attempt, or the error. */
async function dialled(stage: Stage, addressOf: (place: Place) => unknown, options: object = {}, change?: (parts: Any) => void) {
  const { place, seen } = await listen(stage);
  const Socket = stage.Primus.createSocket({ transformer: 'websockets', ...options });
  let client: Any;
  try {
    client = new Socket(addressOf(place), { strategy: false, manual: true });
  } catch (error) {
    return (error as Any).code ?? (error as Error).name;
  }
  stage.cleanup(() => client.destroy());
  if (change) client.on('outgoing::url', change);
  const errors: Any[] = [];
  client.on('error', (error: Any) => errors.push(error));
  client.open();
  await until(() => seen.length + errors.length > 0);
  if (seen[0] === undefined) return NOTHING;
  const { url = '', headers } = seen[0];
  return {
    target: same(url, place),
    host: same(headers.host ?? '', place),
    authorization: headers.authorization,
    pathname: client.pathname,
  };
}

const SAME: readonly [name: string, addressOf: (place: Place) => unknown][] = [
  ['a host', ({ host }) => `http://${host}`],
  ['a slash', ({ host }) => `http://${host}/`],
  ['a query', ({ host }) => `http://${host}?a=b&c=%20d`],
  ['a slash and a query', ({ host }) => `http://${host}/?token=1&name=foo`],
  ['an empty query', ({ host }) => `http://${host}?`],
  ['a hash', ({ host }) => `http://${host}/?a=b#hash`],
  ['the default path', ({ host }) => `http://${host}/primus`],
  ['the default path and a slash', ({ host }) => `http://${host}/primus/`],
  ['the protocol ws', ({ host }) => `ws://${host}`],
  ['upper case', ({ host }) => `HTTP://${host.toUpperCase()}`],
  ['a name and a password', ({ host }) => `http://user:p%40ss@${host}`],
  ['a name', ({ host }) => `http://user@${host}`],
  ['a colon in name and password', ({ host }) => `http://us%3Aer:pa:ss@${host}`],
  ['a socket file', ({ file }) => `ws+unix://${file}`],
  ['a socket file and a query', ({ file }) => `ws+unix://${file}?a=b`],
  ['a socket file after one slash', ({ file }) => `ws+unix:${file}`],
  ['https at a server that is not', ({ host }) => `https://${host}`],
];

compare(
  'what a client dials for an address with',
  SAME.map(([name, addressOf]): Scenario => ({ name, run: (stage) => dialled(stage, addressOf) })),
);

const upgraded = (pathname: string, query = '') => ({
  target: `${pathname}?${query}_primuscb=<unique>`,
  host: 'localhost:<port>',
  authorization: undefined,
  pathname,
});

const PATH = 'a path in the address of a client';

const OTHER: readonly [name: string, addressOf: (place: Place) => unknown, ours: unknown, original: unknown, row: string][] = [
  ['a path', ({ host }) => `http://${host}/app`, upgraded('/app'), upgraded('/primus'), PATH],
  ['a path of two and a slash', ({ host }) => `http://${host}/app/live/`, upgraded('/app/live'), upgraded('/primus'), PATH],
  ['a path, a query and a hash', ({ host }) => `http://${host}/app?a=b#c`, upgraded('/app', 'a=b&'), upgraded('/primus', 'a=b&'), PATH],
  [
    'a path after a socket file',
    ({ file }) => `ws+unix://${file}:/app`,
    { ...upgraded('/app'), host: 'localhost' },
    { ...upgraded('/primus'), target: '/app:/primus?_primuscb=<unique>', host: 'localhost' },
    PATH,
  ],
  [
    'a repeated parameter',
    ({ host }) => `http://${host}?a=b&a=c`,
    upgraded('/primus', 'a=b&a=c&'),
    upgraded('/primus', 'a=b&'),
    'a query with a key twice',
  ],
  ['no protocol', ({ host }) => host, upgraded('/primus'), NOTHING, 'an address without a protocol'],
  ['no protocol and a path', ({ host }) => `${host}/app`, upgraded('/app'), NOTHING, 'an address without a protocol'],
  ['two slashes first', ({ host }) => `//${host}`, upgraded('/primus'), NOTHING, 'an address without a protocol'],
  [
    'a protocol that is none of ours',
    ({ host }) => `ftp://${host}`,
    'ERR_PRIMUS_URL',
    upgraded('/primus'),
    'an address of another protocol',
  ],
];

compare(
  'what a client dials differently for an address with',
  OTHER.map(
    ([name, addressOf, ours, original, row]): Scenario => ({
      name,
      run: (stage) => dialled(stage, addressOf),
      differs: { ours, original, row },
    }),
  ),
);

compare('the path of a class of clients', [
  { name: 'is used with an address that has none', run: (stage) => dialled(stage, ({ host }) => `http://${host}`, { pathname: '/live' }) },
  { name: 'may be in the address', run: (stage) => dialled(stage, ({ host }) => `http://${host}/live/`, { pathname: 'live' }) },
  {
    name: 'is replaced by that of an address',
    run: (stage) => dialled(stage, ({ host }) => `http://${host}/app`, { pathname: '/live' }),
    differs: { ours: upgraded('/app'), original: upgraded('/live'), row: PATH },
  },
]);

const CHANGES: readonly [name: string, change: (parts: Any) => void][] = [
  ['the query', (parts) => Object.assign(parts, { query: 'a=b' })],
  ['an empty query', (parts) => Object.assign(parts, { query: '' })],
  ['the path', (parts) => Object.assign(parts, { pathname: '/x/' })],
  ['name and password', (parts) => Object.assign(parts, { auth: 'a:b' })],
  ['the protocol', (parts) => Object.assign(parts, { protocol: 'wss:' })],
  ['whether it is secure', (parts) => Object.assign(parts, { secure: true })],
  ['nothing of the hash', (parts) => Object.assign(parts, { hash: '#x' })],
];

compare(
  'a listener of `outgoing::url` changes',
  CHANGES.map(([name, change]): Scenario => ({ name, run: (stage) => dialled(stage, ({ host }) => `http://${host}?q=1`, {}, change) })),
);

/** Returns the parts of an address that `outgoing::url` has in both packages. */
async function parts(stage: Stage, address: string): Promise<unknown> {
  const client = new (stage.Primus.createSocket({ transformer: 'websockets' }))(address, { strategy: false, manual: true });
  stage.cleanup(() => client.destroy());
  client.on('error', () => {});
  const emitted = once(client, 'outgoing::url');
  client.open();
  const [{ protocol, secure, auth, pathname, query }] = (await emitted) as [Any];
  return { protocol, secure, auth, pathname, query: query.replace(/_primuscb=.*/, '') };
}

compare(
  '`outgoing::url` has the parts of',
  ['http://localhost:1', 'https://localhost:1/?a=b', 'ws://user:pass@localhost:1', 'wss://user@localhost:1/?token=1&name=foo'].map(
    (address): Scenario => ({
      name: address,
      run: (stage) => parts(stage, address),
    }),
  ),
);

/** The address of a client that was given this, without its slash at the end; or the error. */
async function address({ Primus }: Stage, given: unknown): Promise<unknown> {
  const Socket = Primus.createSocket({ transformer: 'websockets' });
  try {
    const client = new Socket(given, { manual: true });
    return client.url.href;
  } catch (error) {
    return (error as Any).code ?? (error as Error).name;
  }
}

const ODD = 'an address that is `null`, a number or a `URL`';

compare('a client whose address is', [
  { name: 'undefined', run: (stage) => address(stage, undefined) },
  { name: 'empty', run: (stage) => address(stage, '') },
  {
    name: 'null',
    run: (stage) => address(stage, null),
    differs: { ours: 'http://127.0.0.1/', original: 'TypeError', row: ODD },
  },
  {
    name: 'a number',
    run: (stage) => address(stage, 8080),
    differs: { ours: 'ERR_PRIMUS_OPTION', original: '8080', row: ODD },
  },
  {
    name: 'a URL',
    run: (stage) => address(stage, new URL('http://localhost:1')),
    differs: { ours: 'http://localhost:1/', original: 'http://127.0.0.1/', row: ODD },
  },
]);

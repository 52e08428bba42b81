import { expect, it } from 'vitest';
import type { ServerOptions } from '../../src/index.js';
import { randomFrom } from '../properties/random.js';
import { event, serve } from '../support/serve.js';
import { watchForCrashes } from './crashes.js';
import { raw } from './raw.js';

watchForCrashes();

const NAMES = [
  'Origin',
  'Cookie',
  'Authorization',
  'X-Forwarded-For',
  'Forwarded',
  'X-Real-IP',
  'X-Forwarded-Port',
  'X-Forwarded-Proto',
  'Sec-Fetch-Site',
  'Host',
  'Access-Control-Request-Method',
  'Access-Control-Request-Headers',
  'Sec-WebSocket-Protocol',
  'Sec-WebSocket-Key',
  'Sec-WebSocket-Version',
  'Upgrade',
];

const VALUES = [
  '',
  'null',
  'http://x',
  'http://a.example',
  '://',
  '[::1]:80',
  'for=1.2.3.4',
  'for="[::1]:4";proto=https',
  ',,,,',
  '1.2.3.4, garbage',
  'é',
  'http://x:999999',
  'websocket',
  'primus, primus.refused',
  '13',
  '<script>',
];

const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: primus, primus.refused\r\n';

it.each([
  ['*', 'websockets'],
  ['http://a.example', 'websockets'],
  ['*', 'uws'],
  ['http://a.example', 'uws'],
])('answers odd requests without disturbing other clients: origins %s, by %s', async (origins, transformer) => {
  const random = randomFrom(20_480);
  const below = (limit: number) => Math.floor(random() * limit);
  const pick = (list: readonly string[]) => list[below(list.length)] as string;
  const authorization: ServerOptions['authorization'] = (_request, done) => {
    const kind = below(6);
    if (kind === 0) done();
    else if (kind === 1) setImmediate(done);
    else if (kind === 2) throw new Error('odd');
    else done({ statusCode: below(2_000), message: 'é'.repeat(below(300)), authenticate: `Basic${String.fromCharCode(below(300))}` });
  };
  const { primus, port, connect } = await serve({ transformer, origins, authorization, trustProxy: true, refuseWithClose: true });
  for (let times = 0; times < 300; times++) {
    const headers = Array.from({ length: below(8) }, () => `${pick(NAMES)}: ${pick(VALUES)}\r\n`).join('');
    const target = `${pick(['GET', 'POST', 'OPTIONS', 'PUT', 'HEAD'])} /primus${pick(['', '/', '?x', '/spec', '/x'])} HTTP/1.1\r\nHost: x\r\n`;
    const bytes = `${target}${below(2) ? UPGRADE : 'Connection: close\r\n'}${headers}\r\n`;
    const peer = (await raw(port)).send(Buffer.from(bytes, 'latin1'));
    expect(await peer.answer(), bytes).toMatch(/^HTTP\/1\.1 [1-5]\d\d /);
    peer.socket.destroy();
  }
  primus.authorize((_request, done) => done());
  await event(connect(), 'open');
});

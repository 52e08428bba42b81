import { DIALECTS, POLLING, requestText } from '../wire/dialects.js';
import { frame, handshake, TEXT } from '../wire/websocket.js';
import { mutate } from './mutate.js';
import type { Random } from './random.js';
import { type FuzzContext, type Fuzzer, leaving } from './script.js';

const METHODS = ['GET', 'POST', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'CONNECT', 'PROPFIND', 'get', 'X', ''];

const TARGETS = [
  '/primus',
  '/primus/',
  '/primus/primus.js',
  '/primus/spec',
  '/primusfoo',
  '//primus',
  '/primus/..',
  '/primus/%2e%2e/x',
  '/PRIMUS',
  '/primus?',
  '/primus?a=1&a=2&a[]=3&a[b][c]=4&__proto__=5&constructor=6',
  'http://%@x/primus',
  'http://[/primus',
  'http://x/primus/spec',
  '//%@x/primus',
  '*',
  'x:443',
  '/primus#fragment',
  `/primus?${'a=b&'.repeat(1_500)}`,
  `/primus/${'x/'.repeat(1_000)}`,
  // engine.io, socket.io
  '/primus/?EIO=4&transport=polling',
  '/primus/?EIO=3&transport=polling&j=0',
  '/primus/?EIO=4&transport=websocket',
  '/primus/?EIO=4&transport=webtransport',
  '/primus/?EIO=4&transport=__proto__',
  '/primus/?EIO=4&transport=polling&sid=unknown',
  '/primus/?EIO=4&EIO=5&transport=polling&transport=websocket&sid=a&sid=b',
  // sockjs
  '/primus/info',
  '/primus/iframe.html',
  '/primus/iframe-1.2.3.html?c=<script>',
  '/primus/chunking_test',
  '/primus/websocket',
  '/primus/000/aaaa/websocket',
  '/primus/000/aaaa/xhr',
  '/primus/000/aaaa/xhr_send',
  '/primus/000/aaaa/xhr_streaming',
  '/primus/000/aaaa/eventsource',
  '/primus/000/aaaa/htmlfile?c=callback',
  '/primus/000/aaaa/jsonp?c=%63allback',
  '/primus/000/aaaa/jsonp_send',
  '/primus/000/__proto__/xhr',
  '/primus/.../constructor/xhr',
  // browserchannel
  '/primus/test?VER=8&MODE=init',
  '/primus/test?VER=8&TYPE=html&DOMAIN=<script>',
  '/primus/bind?VER=8&RID=1',
  '/primus/bind?VER=8&RID=rpc&SID=unknown&AID=0&TYPE=xmlhttp&CI=0',
  '/primus/bind?VER=8&RID=1&SID=__proto__&TYPE=terminate',
  '/primus/bind?VER=8&RID=1&OSID=constructor&OAID=1',
];

const NAMES = [
  'Origin',
  'Referer',
  'Cookie',
  'Authorization',
  'X-Forwarded-For',
  'Forwarded',
  'X-Real-IP',
  'X-Forwarded-Port',
  'Sec-Fetch-Site',
  'Host',
  'Accept-Encoding',
  'If-None-Match',
  'Access-Control-Request-Method',
  'Access-Control-Request-Headers',
  'Sec-WebSocket-Protocol',
  'Sec-WebSocket-Key',
  'Sec-WebSocket-Version',
  'Sec-WebSocket-Extensions',
  'Upgrade',
  'Connection',
  'Content-Type',
  'Content-Length',
  'Content-Encoding',
  'Transfer-Encoding',
  'Expect',
  'Range',
  'HTTP2-Settings',
  '__proto__',
  'X-A',
];

const VALUES = [
  '',
  ' ',
  'null',
  'none',
  'http://a.example',
  'http://x:999999',
  '://',
  '[::1]:80',
  'for=1.2.3.4;proto=https;by=_x',
  'for="[::1]:4',
  ',,,,',
  '1.2.3.4, garbage, 5.6.7.8',
  'é\xff',
  'websocket',
  'WebSocket, h2c',
  'Upgrade, close, keep-alive',
  'primus, primus.refused',
  '13',
  '8',
  'permessage-deflate; client_max_window_bits=99; server_no_context_takeover=1',
  'permessage-deflate;'.repeat(40),
  'dGhlIHNhbXBsZSBub25jZQ==',
  'short',
  'chunked',
  'chunked, chunked',
  'gzip',
  'br;q=0, *;q=0.001',
  'application/json',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  '-1',
  '5',
  '5, 6',
  '99999999999999999999',
  '100-continue',
  'bytes=0-1',
  'W/"x", *',
  'a=b; a=c; __proto__=d',
  'Basic %%%',
  'x'.repeat(9_000),
];

const BODIES = [
  '',
  'x',
  '["a"]',
  '4x',
  'd=%5B%22a%22%5D',
  'count=1&ofs=0&req0__S=a',
  '{"ofs":0,"data":["a"]}',
  '5\r\nhello\r\n0\r\n\r\n',
  '0\r\n\r\n',
  'zz\r\n',
];

/** Mutated requests and upgrades, several on a connection. */
export const requests: Fuzzer = {
  name: 'requests',
  appliesTo: () => true,
  script(random, context) {
    const parts = random.list(1, 6, () => request(random, context));
    return { steps: [{ bytes: Buffer.concat(parts) }], inputs: parts.length, leaves: leaving(random) };
  },
};

function request(random: Random, context: FuzzContext): Buffer {
  const valid = random.chance(0.6) ? validRequest(random, context) : makeRequest(random);
  const bytes = random.chance(0.3) ? mutate(random, valid) : Buffer.from(valid, 'latin1');
  // What comes in the same segment as a handshake.
  const message = DIALECTS[context.transformer]?.wrap('"early"') ?? '"early"';
  return random.chance(0.2) ? Buffer.concat([bytes, frame(TEXT, message), random.bytes(0, 4)]) : bytes;
}

/** A valid request, or one with more headers. */
function validRequest(random: Random, { transformer, compression }: FuzzContext): string {
  const dialect = DIALECTS[transformer];
  const polling = POLLING[transformer];
  const session = random.word();
  const makers = [
    () => handshake(dialect?.target('') ?? '/primus', { compression, headers: headers(random, 0, 2) }),
    () => requestText(polling?.open('') ?? { method: 'GET', target: '/primus/spec' }),
    () => requestText(polling?.send(session, ['"a"', '1'], 1) ?? { method: 'GET', target: '/primus' }),
    () => requestText(polling?.poll(session) ?? { method: 'GET', target: '/primus/primus.js' }),
    () => `${random.pick(METHODS)} ${random.pick(TARGETS)} HTTP/1.1\r\nHost: x\r\n\r\n`,
  ];
  const text = random.pick(makers)();
  return random.chance(0.4) ? text.replace('\r\n', `\r\n${headers(random, 1, 4)}`) : text;
}

/** A request made of odd parts. */
function makeRequest(random: Random): string {
  const version = random.chance(0.9) ? 'HTTP/1.1' : random.pick(['HTTP/1.0', 'HTTP/2.0', 'HTTP/0.9', 'X', '']);
  const many = random.chance(0.01) ? 'X-Many: y\r\n'.repeat(2_500) : '';
  const upgrade = random.chance(0.3) ? handshake('/').split('\r\n').slice(2, -2).join('\r\n').concat('\r\n') : '';
  return `${random.pick(METHODS)} ${random.pick(TARGETS)} ${version}\r\nHost: x\r\n${upgrade}${headers(random, 0, 6)}${many}\r\n${random.pick(BODIES)}`;
}

function headers(random: Random, least: number, most: number): string {
  return random.list(least, most, () => `${random.pick(NAMES)}: ${random.pick(VALUES)}\r\n`).join('');
}

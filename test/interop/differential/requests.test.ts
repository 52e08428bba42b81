import { once } from 'node:events';
import { createServer, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Any, pause, request, type Stage, upgrade } from '../defects/stage.js';
import { compare } from './compare.js';

/** The parts of an answer in which two servers can be compared: status, some headers, and the body. */
function parts(answer: string, ...names: string[]): unknown[] {
  const [head = '', ...body] = answer.split('\r\n\r\n');
  const [status = '', ...fields] = head.split('\r\n');
  const headers = new Map(
    fields.map((field) => field.split(/: (.*)/s, 2) as [string, string]).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const text = body.join('\r\n\r\n');
  const whole = headers.get('transfer-encoding') === 'chunked' ? text.replace(/^[\da-f]+\r\n(.*)\r\n0\r\n.*$/s, '$1') : text;
  return [status, ...names.map((name) => headers.get(name)), whole];
}

const form = (method: string, target: string, headers = '') => request(target, headers).replace('GET', method);

/** Returns the members of a request that a first layer and `authorize` find. */
async function seen(stage: Stage, bytes: string) {
  const found: unknown[] = [];
  const look = ({ query, originalUrl, uri, forwarded }: Any) => {
    const { ip, port, secure } = forwarded ?? {};
    found.push({
      query: { ...query },
      bare: Object.getPrototypeOf(query) === null,
      shared: query === uri.query,
      originalUrl,
      uri: { ...uri, query: { ...uri.query } },
      forwarded: forwarded && [ip, typeof port, secure],
    });
  };
  const { primus, port } = await stage.serve();
  primus.use('first', (request: Any, _response: Any) => look(request), {}, 0);
  primus.authorize((request: Any, done: (error: string) => void) => {
    look(request);
    done('enough');
  });
  await stage.answer(port, bytes);
  return found;
}

/** The address of a spark, and of its request, with these headers. */
async function address(stage: Stage, headers: string, options: object = {}) {
  const { primus, port } = await stage.serve(options);
  const announced = once(primus, 'connection');
  await stage.raw(port, upgrade('/primus', headers));
  const [spark] = await announced;
  const { ip, port: clientPort, secure } = spark.address;
  return { ip, port: clientPort > 10_000 ? 'the socket' : clientPort, secure, shared: spark.address === spark.request.forwarded };
}

/** Changes a request in a layer, and returns what the spark has of it. */
async function changed(stage: Stage, layer: (request: Any) => void) {
  const { primus, port } = await stage.serve();
  primus.use('change', (request: Any, _response: Any) => void layer(request));
  const announced = once(primus, 'connection');
  await stage.raw(port, upgrade('/primus?a=1'));
  const [spark] = await announced;
  return { query: { ...spark.query }, ip: spark.address.ip, header: spark.headers['x-added'], found: { ...spark.request.query } };
}

compare('what is on a request', [
  { name: 'of a GET', run: (stage) => seen(stage, request('/primus/x?a=1&a=2&b=%20c+d&c&d[e]=1&%zz=1#h')) },
  { name: 'of an upgrade', run: (stage) => seen(stage, upgrade('/primus/?token=abc')) },
  { name: 'of a request without a query', run: (stage) => seen(stage, request('/primus')) },
  { name: 'of an absolute-form target', run: (stage) => seen(stage, upgrade('http://user:word@host:80/primus?token=abc')) },
  {
    name: 'lets authorize read a token of the query',
    run: async (stage) => {
      const { primus, port } = await stage.serve();
      primus.authorize(({ query }: Any, done: (error?: string) => void) => (query.token === 'abc' ? done() : done('no')));
      const open = await stage.stranger(port, { pathname: '/primus?token=abc' });
      const refused = await stage.stranger(port, { pathname: '/primus?token=abd' });
      return [open.readyState, refused.readyState];
    },
  },
  { name: 'and is replaced by a layer', run: (stage) => changed(stage, (request) => Object.assign(request, { query: { b: '2' } })) },
  { name: 'and is changed by a layer', run: (stage) => changed(stage, ({ query }) => Object.assign(query, { b: '2' })) },
  {
    name: 'and its URL is changed by a layer',
    run: (stage) => changed(stage, (request) => Object.assign(request, { url: '/primus?b=2' })),
  },
  {
    name: 'and gets an address of a layer',
    run: (stage) => changed(stage, (request) => Object.assign(request, { forwarded: { ip: '9.9.9.9', port: 1 } })),
  },
  { name: 'and gets a header of a layer', run: (stage) => changed(stage, ({ headers }) => Object.assign(headers, { 'x-added': 'yes' })) },
]);

compare('the address of a client', [
  { name: 'without a proxy', run: (stage) => address(stage, '') },
  { name: 'of X-Forwarded-For', run: (stage) => address(stage, 'X-Forwarded-For: 1.2.3.4\r\n') },
  {
    name: 'of X-Forwarded-For, Port and Proto',
    run: (stage) => address(stage, 'X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Port: 443\r\nX-Forwarded-Proto: https\r\n'),
  },
  { name: 'of X-Forwarded-For through two proxies', run: (stage) => address(stage, 'X-Forwarded-For: 1.2.3.4, 10.0.0.1\r\n') },
  { name: 'of X-Forwarded-For with a port', run: (stage) => address(stage, 'X-Forwarded-For: 1.2.3.4:77\r\n') },
  { name: 'of IPv6', run: (stage) => address(stage, 'X-Forwarded-For: 2001:db8::1\r\n') },
  { name: 'of X-Real-IP', run: (stage) => address(stage, 'X-Real-IP: 1.2.3.4\r\nX-Real-Port: 55\r\n') },
  { name: 'of a proxy that names no address', run: (stage) => address(stage, 'X-Forwarded-For: unknown\r\n') },
  {
    name: 'of a port and a protocol without an address',
    run: (stage) => address(stage, 'X-Forwarded-Port: 443\r\nX-Forwarded-Proto: https\r\n'),
  },
  { name: 'with an empty whitelist', run: (stage) => address(stage, 'X-Forwarded-For: 1.2.3.4\r\n', { whitelist: [] }) },
  { name: 'with a whitelist', run: (stage) => address(stage, 'X-Forwarded-For: 1.2.3.4\r\n', { whitelist: ['127.0.0.1'] }) },
  {
    name: 'with a whitelist of others',
    run: async (stage) => (await address(stage, 'X-Forwarded-For: 1.2.3.4\r\n', { whitelist: ['10.0.0.1'] })).ip,
    differs: { ours: '127.0.0.1', original: '1.2.3.4', row: '`whitelist` without the proxy in it' },
  },
  {
    name: 'that forged the first entry',
    run: async (stage) => (await address(stage, 'X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\n')).ip,
    differs: { ours: '1.2.3.4', original: '6.6.6.6', row: '`spark.address` behind proxies' },
  },
]);

/** The status, some headers and the body of the answers to a request and an upgrade. */
async function answers(stage: Stage, arrange: (primus: Any) => void) {
  const { primus, port } = await stage.serve();
  arrange(primus);
  const names = ['content-type', 'www-authenticate', 'cache-control', 'pragma'];
  return [
    parts(await stage.answer(port, request('/primus')), ...names),
    parts(await stage.answer(port, upgrade('/primus')), 'content-type', 'www-authenticate', 'content-length'),
  ];
}

const refusing = (error: unknown) => (stage: Stage) =>
  answers(stage, (primus) => primus.authorize((_request: Any, done: (error: unknown) => void) => done(error)));
const failing = (error: unknown) => (stage: Stage) =>
  answers(stage, (primus) => primus.use('bad', (_request: Any, _response: Any, next: (error: unknown) => void) => next(error)));
const plain =
  (method: string, target = '/primus', headers = '', ...names: string[]) =>
  async (stage: Stage) => {
    const { port } = await stage.serve();
    return parts(await stage.answer(port, form(method, target, headers)), 'content-type', 'cache-control', 'pragma', ...names);
  };

/** The parts of the answer to a preflight. */
const preflight = (cacheControl: string | undefined) => [
  'HTTP/1.1 200 OK',
  undefined,
  cacheControl,
  undefined,
  'http://a.b',
  'true',
  'GET, HEAD, PUT, POST, DELETE, OPTIONS',
  'x-a',
  '2592000',
  '',
];

compare('the answer to', [
  { name: 'a refused request, with an Error', run: refusing(new Error('nope')) },
  { name: 'a refused request, with a string', run: refusing('nope') },
  { name: 'a refused request, with a status', run: refusing({ statusCode: 403, message: 'nope' }) },
  { name: 'a refused request, with a challenge', run: refusing({ message: 'nope', authenticate: 'Basic realm="x"' }) },
  {
    name: 'a refused request, with a challenge and another status',
    run: refusing({ statusCode: 403, message: 'nope', authenticate: 'Basic realm="x"' }),
  },
  { name: 'a refused request, with an object as message', run: refusing({ message: { reason: 'nope' } }) },
  {
    name: 'a refused request, with an error without a message',
    run: async (stage) => (await refusing({ statusCode: 403 })(stage)).map((answer) => answer.at(-1)),
    differs: {
      ours: Array(2).fill('{"error":"Forbidden"}'),
      original: Array(2).fill('{"error":{"statusCode":403}}'),
      row: 'a rejection without a message, also `done(true)`',
    },
  },
  { name: 'a failed layer, with an Error', run: failing(new Error('broken')) },
  { name: 'a failed layer, with a string', run: failing('broken') },
  { name: 'a failed layer, with a status', run: failing({ statusCode: 418, message: 'teapot' }) },
  { name: 'a GET', run: plain('GET') },
  { name: 'a HEAD', run: plain('HEAD') },
  { name: 'a POST below the path', run: plain('POST', '/primus/x') },
  { name: 'an OPTIONS', run: plain('OPTIONS') },
  {
    name: 'a GET of spec',
    run: async (stage) => {
      const [status, type, body] = parts(await stage.answer((await stage.serve()).port, request('/primus/spec')), 'content-type');
      return [status, type, Object.entries({ ...JSON.parse(String(body)), version: 'any' })];
    },
  },
  {
    name: 'a GET of an absolute-form spec',
    run: async (stage) => parts(await stage.answer((await stage.serve()).port, request('http://host/primus/spec')))[0],
  },
  { name: 'a HEAD of spec', run: plain('HEAD', '/primus/spec') },
  {
    name: 'a preflight',
    run: plain(
      'OPTIONS',
      '/primus',
      'Origin: http://a.b\r\nAccess-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: x-a\r\n',
      ...['origin', 'credentials', 'methods', 'headers'].map((name) => `access-control-allow-${name}`),
      'access-control-max-age',
    ),
    differs: { ours: preflight('public, max-age=2592000'), original: preflight(undefined), row: 'the answer to a preflight' },
  },
  {
    name: 'a GET of another origin',
    run: plain('GET', '/primus', 'Origin: http://a.b\r\n', 'access-control-allow-origin', 'access-control-allow-credentials', 'vary'),
  },
  {
    name: 'a GET of primus.js',
    run: async (stage) => parts(await stage.answer((await stage.serve()).port, request('/primus/primus.js')), 'content-type').slice(0, 2),
  },
  {
    name: 'a POST to the files',
    run: async (stage) => {
      const { port } = await stage.serve();
      const posts = ['/primus/spec', '/primus/primus.js'].map((file) => stage.answer(port, form('POST', file)));
      return (await Promise.all(posts)).map((answer) => parts(answer, 'allow').slice(0, 2));
    },
    differs: {
      ours: Array(2).fill(['HTTP/1.1 405 Method Not Allowed', 'GET, HEAD']),
      original: Array(2).fill(['HTTP/1.1 200 OK', undefined]),
      row: 'other methods than `GET` and `HEAD` for `primus.js` and `spec`',
    },
  },
]);

/** The credentials that a layer sees, and what the answer announces. */
const credentials = (headers: string) => async (stage: Stage) => {
  const { primus, port } = await stage.serve();
  const cookies: unknown[] = [];
  primus.use('look', (request: Any, _response: Any) => void cookies.push(request.headers.cookie, request.headers.authorization));
  const bytes = `${headers}Cookie: a=b\r\nAuthorization: Basic x\r\n`;
  const [, announced] = parts(await stage.answer(port, request('/primus', bytes)), 'access-control-allow-credentials');
  return { cookies, announced };
};

compare('the credentials of', [
  { name: 'a request of no page', run: credentials('') },
  { name: 'a page of the same origin', run: credentials('Origin: http://x\r\n') },
  { name: 'a page of the same site', run: credentials('Origin: http://y.x\r\nSec-Fetch-Site: same-site\r\n') },
  {
    name: 'a page of another site',
    run: credentials('Origin: http://a.b\r\nSec-Fetch-Site: cross-site\r\n'),
    differs: {
      ours: { cookies: [undefined, undefined], announced: undefined },
      original: { cookies: ['a=b', 'Basic x'], announced: 'true' },
      row: "`credentials: true` with `origins: '*'`",
    },
  },
]);

/** An HTTP server of the stage's package, which shows which of its Primus servers answers. */
async function several(stage: Stage, ...pathnames: string[]) {
  const http = createServer((_request, response) => response.end('the application'));
  for (const [index, pathname] of pathnames.entries()) {
    const primus = stage.create(http, { pathname });
    primus.use('who', (_request: Any, response: Any) => {
      response.end(`${pathname} ${index}`);
      return true;
    });
  }
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  return async (target: string) => parts(await stage.answer(port, request(target))).at(-1);
}

compare('servers on one HTTP server', [
  {
    name: 'with equal paths: the newest answers',
    run: async (stage) => {
      const get = await several(stage, '/a', '/b', '/a');
      return [await get('/a'), await get('/a/x'), await get('/b'), await get('/c')];
    },
  },
  {
    name: 'with a path below another: the longest answers',
    run: async (stage) => {
      const get = await several(stage, '/a/b', '/a');
      return [await get('/a'), await get('/a/b')];
    },
    differs: { ours: ['/a 1', '/a/b 0'], original: ['/a 1', '/a 1'], row: 'several servers on one HTTP server' },
  },
]);

/** The requests and upgrades that an `emit` of the HTTP server's class sees, and whether they are answered. */
async function monitored(stage: Stage, http: Server, seen: string[]) {
  stage.create(http);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  const [spec] = parts(await stage.answer(port, request('/primus/spec')));
  const socket = await stage.stranger(port);
  return { spec, open: socket.readyState, seen };
}

compare('an HTTP server', [
  {
    name: 'whose class has an emit of its own',
    run: (stage) => {
      const seen: string[] = [];
      class Monitored extends Server {
        override emit(event: string, ...args: Any[]): boolean {
          if (event === 'request' || event === 'upgrade') seen.push(`${event} ${args[0].url}`);
          return super.emit(event, ...args);
        }
      }
      return monitored(stage, new Monitored(), seen);
    },
  },
  {
    name: 'gets its listeners back',
    run: async (stage) => {
      const http = createServer();
      const listeners = [() => {}, () => {}] as const;
      http.on('request', listeners[0]).on('upgrade', listeners[1]);
      const primus = stage.create(http);
      await new Promise<void>((resolve) => primus.destroy({ close: false }, resolve));
      return [http.listeners('request'), http.listeners('upgrade')].map(
        (list, index) => list.length === 1 && list[0] === listeners[index as 0],
      );
    },
  },
  {
    name: 'without listeners has one of each kind, and none afterwards',
    run: async (stage) => {
      const http = createServer();
      const count = () => ['request', 'upgrade'].map((event) => http.listenerCount(event));
      const primus = stage.create(http);
      const during = count();
      await new Promise<void>((resolve) => primus.destroy({ close: false }, resolve));
      return [during, count()];
    },
  },
  {
    name: 'keeps the listeners of the application',
    run: async (stage) => {
      const http = createServer(() => {});
      stage.create(http);
      return http.listenerCount('request');
    },
    differs: { ours: 2, original: 1, row: "the HTTP server's listeners" },
  },
]);

/** Arranges layers, and returns their names and whether they are enabled. */
const layers = (arrange: (primus: Any, layer: Any) => void) => async (stage: Stage) => {
  const { primus } = await stage.serve();
  arrange(primus, (_request: Any, _response: Any) => {});
  return primus.layers.map(({ name, enabled }: Any) => [name, enabled]);
};

compare('layers', [
  ...[
    ['true', true],
    ['false', false],
    ['nothing', undefined],
  ].map(([title, value]) => ({
    name: `answer later and return ${title}`,
    run: async (stage: Stage) => {
      const { primus, port } = await stage.serve();
      primus.use('first', (_request: Any, response: Any) => {
        setImmediate(() => response.headersSent || response.end('mine'));
        return value;
      });
      return parts(await stage.answer(port, request('/primus')));
    },
  })),
  {
    name: 'answer and return the response',
    run: async (stage) => {
      const { primus, port } = await stage.serve();
      primus.use('first', (_request: Any, response: Any) => response.end('mine'));
      return parts(await stage.answer(port, request('/primus')));
    },
  },
  {
    name: 'that return what is not true go on, unless they have answered',
    run: async (stage) => {
      const { primus, port } = await stage.serve();
      primus.use('first', (_request: Any, response: Any) => response.setHeader('X-First', 'yes'));
      const answer = stage.answer(port, request('/primus'));
      return Promise.race([answer.then((text) => parts(text)[0]), pause(300).then(() => 'no answer')]);
    },
    differs: { ours: 'HTTP/1.1 426 Upgrade Required', original: 'no answer', row: 'a synchronous layer that returns a truthy value' },
  },
  { name: 'are these by default', run: async (stage) => (await stage.serve()).primus.layers.map(({ name }: Any) => name) },
  ...[0, 2, 99, -1, -3, 1.5, '1', null, undefined, Number.NaN].map((index) => ({
    name: `are added at the index ${index}`,
    run: layers((primus, layer) => {
      for (const name of ['cors', 'spec', 'x-xss', 'no-cache']) primus.remove(name);
      primus.use('new', layer, {}, index);
    }),
  })),
  { name: 'are added at an index in place of the options', run: layers((primus, layer) => primus.use('new', layer, 2)) },
  {
    name: 'are named after their function',
    run: layers((primus) => {
      primus.use(function session(_request: Any, _response: Any, next: () => void) {
        next();
      });
      primus.use(function first(_request: Any, _response: Any) {}, {}, 0);
    }),
  },
  {
    name: 'are replaced in their place, and enabled by that',
    run: layers((primus, layer) => {
      primus.disable('cors').use('cors', layer).use('spec', layer, {}, 0);
    }),
  },
  {
    name: 'are disabled, enabled and removed, also those that do not exist',
    run: layers((primus) => {
      primus.disable('cors').disable('spec').enable('spec').remove('x-xss');
      primus.disable('none').enable('none').remove('none');
    }),
  },
  {
    name: 'are found by name',
    run: async (stage) => ['forwarded', 'authorization', 'none', undefined].map((name) => primusOf(stage).indexOfLayer(name)),
  },
  {
    name: 'are made by a factory, with the server as `this` and the options',
    run: async (stage) => {
      const options = {};
      const seen: unknown[] = [];
      const { primus } = await stage.serve();
      const factory = function (this: unknown, given: unknown) {
        seen.push(this === primus, given === options);
        return (_request: Any, _response: Any) => {};
      };
      return [primus.use('made', factory, options) === primus, seen];
    },
  },
  ...[
    ['an object', {}],
    ['a factory that returns nothing', () => {}],
    ['a factory that returns a factory', () => (_request: Any) => {}],
    ['nothing', undefined],
  ].map(([title, given]) => ({
    name: `reject ${title}`,
    run: async (stage: Stage) => {
      try {
        primusOf(stage).use('bad', given);
        return 'added';
      } catch {
        return 'rejected';
      }
    },
  })),
]);

function primusOf(stage: Stage): Any {
  return stage.create(createServer());
}

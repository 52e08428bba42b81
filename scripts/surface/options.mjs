// What a program reads of every documented option, when it was not given and when it was given various values.
import { createServer } from 'node:http';
import { print } from './members.mjs';

/** The values that programs give for "nothing". */
const NOTHING = [undefined, null, false, 0, ''];

/** The documented options of a server, each with values that mean something. */
const SERVER = {
  authorization: [function authorize(_request, _done) {}],
  pathname: ['/live', 'live', '/live/'],
  parser: ['json', 'JSON'],
  transformer: ['websockets', 'WebSockets'],
  plugin: [{ mine: { client() {} } }],
  pingInterval: [1_000, '2 s', '1000'],
  global: ['Live'],
  compression: [true],
  maxLength: [1_000],
  transport: [{ mine: 1 }],
  idGenerator: [() => 'id'],
  origins: ['http://example.com', ['http://example.com', 'http://example.org'], 'http://a.example, http://b.example'],
  methods: ['GET', ['GET', 'POST']],
  credentials: [true],
  maxAge: [1_000, '1 day'],
  headers: ['x-mine', ['x-mine', 'x-other']],
  exposed: ['x-mine', ['x-mine', 'x-other']],
  whitelist: [['127.0.0.1']],
  iknowclusterwillbreakconnections: [true],
  mine: ['kept'],
};

/** The documented options of a client. */
const CLIENT = {
  reconnect: [{ min: 1 }],
  backoff: [{ minDelay: 1 }],
  timeout: [1_000, '2 s', '1000'],
  pingTimeout: [1_000, '2 s', '1000'],
  strategy: ['online', 'dIsconNect, Online', ['online', 'timeout'], []],
  manual: [true],
  websockets: [true],
  network: [true],
  transport: [{ mine: 1 }],
  queueSize: [10],
  mine: ['kept'],
};

/** The documented options of a class of clients. */
const CLASS = {
  transformer: ['websockets', 'WebSockets'],
  parser: ['json', 'JSON'],
  pathname: ['/live', 'live', '/live/'],
  plugin: [{ mine: { client: () => {} } }],
  authorization: [true, function authorize(_request, _done) {}],
  pingTimeout: [1_000],
  strategy: ['online'],
  timeout: [1_000],
};

export function optionsOf(Primus) {
  const read = (primus, name) => `${print(primus.options[name])}${name in primus.spec ? `, spec ${print(primus.spec[name])}` : ''}`;
  const server = table(SERVER, (options, name) => {
    const primus = new Primus(createServer(), { transformer: 'websockets', ...options });
    const reading = read(primus, name);
    primus.destroy();
    return reading;
  });
  const Socket = Primus.createSocket({ transformer: 'websockets' });
  const client = table(CLIENT, (options, name) => {
    const created = new Socket('http://127.0.0.1:1', { manual: true, ...options });
    const reading = print(created.options[name]);
    created.destroy();
    return reading;
  });
  const ofClass = table(CLASS, (options) => {
    const Class = Primus.createSocket({ transformer: 'websockets', ...options });
    const created = new Class('http://127.0.0.1:1', { manual: true });
    const { strategy, timeout, pingTimeout } = created.options;
    const plugins = Object.keys(created.plugin());
    created.destroy();
    return Object.entries({ pathname: created.pathname, plugins, strategy, timeout, pingTimeout })
      .map(([name, value]) => `${name} ${print(value)}`)
      .join(', ');
  });
  return { server, client, class: ofClass };
}

/** The readings of each option by the given value; a value that is refused reads `throws`. */
function table(options, read) {
  const attempt = (given, name) => {
    try {
      return read(given, name);
    } catch {
      return 'throws';
    }
  };
  return Object.fromEntries(
    Object.entries(options).map(([name, values]) => {
      // Primus 8 changes a list that it is given.
      const fresh = (value) => (Array.isArray(value) ? [...value] : value);
      const readings = [...NOTHING, ...values].map((value) => [print(value), attempt({ [name]: fresh(value) }, name)]);
      return [name, { 'not given': attempt({}, name), ...Object.fromEntries(readings) }];
    }),
  );
}

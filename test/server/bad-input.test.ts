import { createServer } from 'node:http';
import { throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { configure } from '../../client/primus.js';
import { builtins } from '../../src/builtins.js';
import { assume } from '../../src/core/configuration.js';
import { type ClientOptions, type ErrorCode, Primus, PrimusError, type ServerOptions } from '../../src/index.js';

/** An error with this code and a message that contains this. */
function refuses(run: () => unknown, code: ErrorCode, says: RegExp): void {
  let thrown: unknown;
  try {
    run();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(PrimusError);
  expect(thrown).toMatchObject({ code, message: expect.stringMatching(says) });
}

describe('a server argument that is not an HTTP server', () => {
  it.each([undefined, null, 42, 'http://localhost', {}, [], { on() {} }, true])('%o is rejected', (server) => {
    refuses(() => new Primus(server as never), 'ERR_PRIMUS_SERVER', /HTTP server/);
  });

  it('as a function is rejected with a hint', () => {
    const app = Object.assign(() => {}, { on() {}, emit() {}, listenerCount() {}, close() {}, listen() {} });
    refuses(() => new Primus(app as never), 'ERR_PRIMUS_SERVER', /http\.createServer\(app\)/);
  });
});

/** A name in capitals, and with a capital. */
function inOtherCases(name: string): string[] {
  return [name.toUpperCase(), name.charAt(0).toUpperCase() + name.slice(1)];
}

describe('options of the server', () => {
  const make = (options: unknown) => new Primus(createServer(), options as ServerOptions);

  it('that a framework does not take are an error with its cause, and leave the HTTP server as it was', () => {
    const server = createServer();
    const before = [server.emit, server.eventNames()];
    const refusing = {
      name: 'refusing',
      server: { listen: () => throwError(() => new TypeError('unknown option')) },
      client: { connect() {} },
    };
    refuses(() => new Primus(server, { transformer: refusing as never }), 'ERR_PRIMUS_TRANSFORMER', /unknown option/);
    expect([server.emit, server.eventNames()]).toEqual(before);
  });

  it.each(['sockjsss', '', '__proto__', 'constructor', 42, {}, { server: {}, client: {} }, () => {}])(
    'an unknown transformer %o is rejected, with a list of the known ones',
    (transformer) => {
      refuses(() => make({ transformer }), 'ERR_PRIMUS_TRANSFORMER', /websockets/);
    },
  );

  it.each(['jason', '', '__proto__', 42, {}, { encoder() {} }, () => {}])(
    'an unknown parser %o is rejected, with a list of the known ones',
    (parser) => {
      refuses(() => make({ parser }), 'ERR_PRIMUS_PARSER', /json|encoder and decoder/);
    },
  );

  it('find transformers and parsers in any case', () => {
    for (const transformer of builtins.transformers.keys()) {
      for (const name of inOtherCases(transformer)) expect(make({ transformer: name }).spec.transformer).toBe(transformer);
    }
    for (const parser of builtins.parsers.keys()) {
      for (const name of inOtherCases(parser)) expect(make({ parser: name }).spec.parser).toBe(parser);
    }
  });

  it.each<[keyof ServerOptions, unknown[]]>([
    ['pathname', [42, '', '/a b', '/a?b', '/a#b', '/a\u2028b', {}]],
    ['pingInterval', ['soon', -1, Number.NaN, true, {}]],
    ['global', [42, {}]],
    ['compression', ['yes', 1, {}]],
    ['maxLength', [0, -1, '1 MB', Number.NaN, {}]],
    ['maxBuffer', [0, -1, '1 MB', Number.NaN, {}]],
    ['transport', ['x', 1, []]],
    ['idGenerator', ['nanoid', {}]],
  ])('an invalid %s is rejected, naming it', (option, values) => {
    for (const value of values) refuses(() => make({ [option]: value }), 'ERR_PRIMUS_OPTION', new RegExp(String(option)));
  });

  it.each(['websockets', 42, []])('%o instead of an options object is rejected', (options) => {
    refuses(() => make(options), 'ERR_PRIMUS_OPTION', /options/);
  });

  it('of null count as missing', () => {
    const options = {
      pathname: null,
      pingInterval: null,
      global: null,
      maxLength: null,
      maxBuffer: null,
      transport: null,
      idGenerator: null,
      transformer: null,
      parser: null,
    };
    expect(make(options).options).toMatchObject({
      maxLength: 10 * 2 ** 20,
      maxBuffer: 2 ** 20,
      minify: false,
      refuseWithClose: false,
    });
    expect(make(options).spec).toMatchObject({ pathname: '/primus', pingInterval: 30_000, transformer: 'websockets', parser: 'json' });
  });

  it('that are rejected leave the HTTP server as it was', () => {
    for (const options of [{ pingInterval: 'soon' }, { parser: 'x' }, { transformer: 'x' }, { maxLength: -1 }]) {
      const server = createServer();
      const before = [server.emit, server.listenerCount('upgrade')];
      expect(() => new Primus(server, options)).toThrow(PrimusError);
      expect([server.emit, server.listenerCount('upgrade')]).toEqual(before);
    }
  });

  it('that are unknown are kept for plugins', () => {
    const plugin = {};
    expect(make({ plugin }).options.plugin).toBe(plugin);
  });
});

describe('options that are null', () => {
  it('count as missing', () => {
    expect(new Primus(createServer(), null).pathname).toBe('/primus');
    expect(new (Primus.createSocket(null))('http://localhost', { manual: true }).pathname).toBe('/primus');
    const names = ['transformer', 'parser', 'pathname', 'maxLength', 'compression', 'plugin'];
    const Socket = Primus.createSocket(Object.fromEntries(names.map((name) => [name, null])));
    expect(new Socket('http://localhost', { manual: true }).pathname).toBe('/primus');
    expect(() => Primus.createServer(() => {}, null as never).destroy({ close: true })).not.toThrow();
  });
});

describe('options of `createSocket`', () => {
  it.each<[string, unknown[]]>([
    ['pathname', [42, {}, '/a b']],
    ['maxLength', [0, '1 MB']],
    ['compression', [1, 'yes']],
  ])('an invalid %s is rejected, naming it', (option, values) => {
    for (const value of values) refuses(() => Primus.createSocket({ [option]: value }), 'ERR_PRIMUS_OPTION', new RegExp(option));
  });

  it.each(['websockets', 42, [], () => {}])('%o instead of an object is rejected', (options) => {
    refuses(() => Primus.createSocket(options as never), 'ERR_PRIMUS_OPTION', /options/);
  });
});

describe('a client that gets', () => {
  const Socket = Primus.createSocket();

  it.each([42, true, () => {}, []])('%o instead of an address or options is rejected', (value) => {
    refuses(() => new Socket(value as never), 'ERR_PRIMUS_OPTION', /options/);
    refuses(() => new Socket('http://localhost', value as never), 'ERR_PRIMUS_OPTION', /options/);
  });
});

describe('methods of the server', () => {
  const primus = new Primus(createServer());

  it('reject a value that is not a function', () => {
    refuses(() => primus.forEach(1 as never), 'ERR_PRIMUS_OPTION', /function/);
    refuses(() => primus.transform('incoming', 1 as never), 'ERR_PRIMUS_OPTION', /transformer/);
    refuses(() => primus.transform('sideways' as never, () => {}), 'ERR_PRIMUS_OPTION', /transformer/);
    refuses(() => primus.use('x', 1 as never), 'ERR_PRIMUS_MIDDLEWARE', /function/);
    refuses(() => primus.use(1 as never, () => () => {}), 'ERR_PRIMUS_MIDDLEWARE', /name/);
    refuses(() => primus.save(1 as never), 'ERR_PRIMUS_OPTION', /save/);
  });
});

describe('addresses', () => {
  const Socket = Primus.createSocket();
  const open = (url: unknown, options: ClientOptions = { manual: true }) => new Socket(url as string, options);

  it.each(['http://', 'http://[', 'http://a b', 'http://:80', 'http://x:99999', '://x', 'javascript:alert(1)', '%'])(
    '%j does not parse',
    (url) => {
      refuses(() => open(url), 'ERR_PRIMUS_URL', /http:\/\/host/);
    },
  );

  it.each(['ftp://x', 'file:///etc/passwd', 'unix:///x', 'data://x'])('%j has an unsupported protocol', (url) => {
    refuses(() => open(url), 'ERR_PRIMUS_URL', /wss/);
  });

  it('that are missing are an error where the platform has no default', () => {
    const { parts } = Primus.createSocket();
    const Client = configure({ ...parts, platform: { ...parts.platform, origin: undefined } }, assume({}));
    for (const url of [undefined, '', null]) refuses(() => new Client(url), 'ERR_PRIMUS_URL', /address/);
  });

  it('that are missing are http://127.0.0.1 in Node.js', () => {
    for (const url of [undefined, '', null]) {
      const client = open(url);
      expect(client.url.href).toBe('http://127.0.0.1/');
      client.destroy();
    }
  });

  it('and options have the same path, or none', () => {
    refuses(() => open('http://localhost/app', { manual: true, pathname: '/live' }), 'ERR_PRIMUS_OPTION', /\/app.*"\/live"/);
    expect(open('http://localhost/live/', { manual: true, pathname: 'live' }).pathname).toBe('/live');
  });
});

describe('options of the client', () => {
  const Socket = Primus.createSocket();
  const make = (options: unknown) => new Socket('http://localhost', { manual: true, ...(options as object) });

  it.each<[string, unknown[]]>([
    ['timeout', ['soon', -1, Number.NaN, {}, true]],
    ['pingTimeout', ['soon', -1, {}, true]],
    ['manual', ['yes', 1]],
    ['network', ['yes', 1]],
    ['websockets', ['yes', 1]],
    ['transport', ['x', 1, []]],
    ['queueSize', [-1, '10', Number.NaN]],
    ['queueDrop', ['middle', 1]],
    ['strategy', ['sometimes', ['disconnect', 'never'], 42, true, {}, [42]]],
    ['reconnect', ['x', 1, []]],
    ['backoff', ['x', 1, []]],
  ])('an invalid %s is rejected, naming it', (option, values) => {
    for (const value of values) refuses(() => make({ [option]: value }), 'ERR_PRIMUS_OPTION', new RegExp(option));
  });

  it.each<[string, unknown]>([
    ['min', 'soon'],
    ['max', -1],
    ['reconnect timeout', {}],
    ['factor', 'two'],
    ['factor', 0],
    ['retries', -1],
    ['retries', '3'],
  ])('an invalid %s of reconnect (%o) is rejected, naming it', (option, value) => {
    refuses(() => make({ reconnect: { [option]: value } }), 'ERR_PRIMUS_OPTION', new RegExp(option));
  });

  it('of null count as missing', () => {
    const names = [
      'timeout',
      'pingTimeout',
      'manual',
      'network',
      'transport',
      'queueSize',
      'queueDrop',
      'strategy',
      'reconnect',
      'backoff',
    ];
    const client = make(Object.fromEntries(names.map((name) => [name, name === 'manual' ? true : null])));
    expect(client.options).toMatchObject({
      timeout: 10_000,
      strategy: 'disconnect,online,timeout',
      queueSize: Number.POSITIVE_INFINITY,
      queueDrop: 'oldest',
    });
  });

  it('find their transformer and parser in any case, as the server does', () => {
    for (const transformer of [...builtins.transformers.keys()].flatMap(inOtherCases)) {
      expect(Primus.createSocket({ transformer })).toBeTypeOf('function');
    }
    for (const parser of [...builtins.parsers.keys()].flatMap(inOtherCases)) {
      expect(Primus.createSocket({ parser })).toBeTypeOf('function');
    }
    refuses(() => Primus.createSocket({ transformer: 'x' }), 'ERR_PRIMUS_TRANSFORMER', /websockets/);
    refuses(() => Primus.createSocket({ parser: 'x' }), 'ERR_PRIMUS_PARSER', /json/);
  });

  it('do not reopen a client that was destroyed', () => {
    const client = make({});
    client.destroy();
    refuses(() => client.open(), 'ERR_PRIMUS_DESTROYED', /destroyed/);
    expect(client.write('x')).toBe(false);
  });
});

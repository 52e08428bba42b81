import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Primus as ImportedClient } from '../../src/client-node.js';
import { type Plugin, PrimusError, Primus as Server } from '../../src/index.js';
import { testFolder } from '../support/folder.js';
import { cleanup, event, serve } from '../support/serve.js';

// biome-ignore lint/suspicious/noExplicitAny: the members are the plugins'.
type Any = any;

/** The variables in the scope of a plugin's source. */
declare const Primus: Any;
declare const MARK: unknown;

function folder(files: Record<string, string> = {}): string {
  const path = testFolder('plugins');
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(path, name, '..'), { recursive: true });
    writeFileSync(join(path, name), content);
  }
  return path;
}

/** The application is started in another folder. */
function startedIn(path: string): void {
  const before = process.cwd();
  process.chdir(path);
  cleanup(() => process.chdir(before));
}

function refusal(run: () => unknown): PrimusError {
  try {
    run();
  } catch (error) {
    if (error instanceof PrimusError) return error;
    throw error;
  }
  throw new Error('Nothing was refused');
}

describe('plugin', () => {
  it('calls the server function at once, with the server as `this` and its options', async () => {
    const { primus } = await serve({ answer: 42 });
    const calls: unknown[] = [];
    const result = primus.plugin('name', {
      server(this: unknown, ...args: unknown[]) {
        calls.push([this, ...args]);
      },
    });
    expect(result).toBe(primus);
    expect(calls).toEqual([[primus, primus, primus.options]]);
    expect(calls[0]).toHaveProperty('2.answer', 42);
  });

  it('accepts a function with a property `server`', async () => {
    const { primus } = await serve();
    let called = 0;
    const plugin = Object.assign(() => {}, { server: () => void called++ });
    primus.plugin('function', plugin as unknown as Plugin);
    expect(called).toBe(1);
    expect(primus.plugin('function')).toBe(plugin);
  });

  it('returns one plugin, or all', async () => {
    const { primus } = await serve();
    const [one, two] = [{ server() {} }, { client() {} }];
    primus.plugin('one', one).plugin('two', two);
    expect(primus.plugin('one')).toBe(one);
    expect(primus.plugin('none')).toBeUndefined();
    expect(primus.plugin('constructor')).toBeUndefined();
    expect({ ...primus.plugin() }).toEqual({ one, two });
    expect({ ...primus.ark }).toEqual({ one, two });
  });

  it('emits `plugin`, and `plugout` on its removal', async () => {
    const { primus } = await serve();
    const events: unknown[] = [];
    primus.on('plugin', (...args) => events.push(['plugin', ...args]));
    primus.on('plugout', (...args) => events.push(['plugout', ...args]));
    const plugin = { server() {} };
    primus.plugin('name', plugin);
    expect(primus.plugout('name')).toBe(true);
    expect(primus.plugout('name')).toBe(false);
    expect(events).toEqual([
      ['plugin', 'name', plugin],
      ['plugout', 'name', plugin],
    ]);
    expect(primus.plugin('name')).toBeUndefined();
    primus.plugin('name', plugin);
  });

  it.each<[string, unknown, unknown, RegExp]>([
    ['no name', '', { server() {} }, /name of a plugin must be a non-empty string, got ""/],
    ['a name that is not a string', 7, { server() {} }, /name of a plugin must be a non-empty string, got 7/],
    ['the name of a package that is not installed', 'x', 'not-here', /'not-here' could not be loaded.*npm install not-here/],
    ['null', 'x', null, /'x' must be the name of a package, or an object.*null/],
    ['an empty object', 'x', {}, /must have a server, a client or a library/],
    ['a server that is no function', 'x', { server: 'y' }, /server of the plugin 'x' must be a function/],
    ['a client that is no function', 'x', { client: {} }, /client of the plugin 'x' must be a function/],
    ['a library that is not a string', 'x', { library() {} }, /library of the plugin 'x' must be a string/],
  ])('rejects %s', async (_what, name, plugin, message) => {
    const { primus } = await serve();
    const error = refusal(() => primus.plugin(name as string, plugin as Plugin));
    expect(error.code).toBe('ERR_PRIMUS_PLUGIN');
    expect(error.message).toMatch(message);
    expect({ ...primus.ark }).toEqual({});
  });

  it('rejects a name that is taken', async () => {
    const { primus } = await serve();
    primus.plugin('x', { server() {} });
    expect(refusal(() => primus.plugin('x', { server() {} })).message).toMatch(/already a plugin 'x'.*plugout/);
  });
});

describe('the option plugin', () => {
  it('accepts an object', async () => {
    const { primus } = await serve({ plugin: { mine: { server: (primus: Any) => Object.assign(primus, { added: true }) } } });
    expect((primus as Any).added).toBe(true);
    expect(Object.keys(primus.ark)).toEqual(['mine']);
  });

  it('accepts names of packages of the application, separated by commas or spaces', async () => {
    startedIn(
      folder({
        'node_modules/plugin-one/index.js': 'exports.server = (primus) => { primus.one = 1; };',
        'node_modules/plugin-two/index.js': 'module.exports = Object.assign(() => {}, { server(primus) { primus.two = 2; } });',
        'node_modules/@scope/three/package.json': '{ "type": "module", "exports": "./three.js" }',
        'node_modules/@scope/three/three.js': 'export default { server(primus) { primus.three = 3; } };',
      }),
    );
    const { primus } = await serve({ plugin: 'plugin-one, plugin-two  @scope/three' });
    expect(primus).toMatchObject({ one: 1, two: 2, three: 3 });
    expect(Object.keys(primus.ark)).toEqual(['plugin-one', 'plugin-two', '@scope/three']);
  });

  it('accepts the name of a package for a plugin, in clients as well', async () => {
    startedIn(
      folder({
        'node_modules/plugin-one/index.js':
          'exports.server = (primus) => { primus.one = 1; }; exports.client = (client) => { client.one = 1; };',
      }),
    );
    const { primus } = await serve({ plugin: { first: 'plugin-one', none: null, off: false } });
    primus.plugin('second', 'plugin-one');
    expect([Object.keys(primus.ark), (primus as Any).one]).toEqual([['first', 'second'], 1]);
    const Socket = Server.createSocket({ plugin: { mine: 'plugin-one' } });
    const client = new Socket('http://localhost:1', { manual: true }) as Any;
    expect([client.one, Object.keys(Socket.prototype.ark)]).toEqual([1, ['mine']]);
  });

  it('looks for a package beside this one last', () => {
    startedIn(folder());
    // No plugin, but found: it is a dependency of this package, and of no other folder.
    expect(refusal(() => new Server(createServer(), { plugin: 'nanoid' })).message).toMatch(/'nanoid' must have a server/);
  });

  it('names the missing package and the command that installs it', () => {
    startedIn(folder());
    const error = refusal(() => new Server(createServer(), { plugin: 'not-here' }));
    expect(error.code).toBe('ERR_PRIMUS_PLUGIN');
    expect(error.message).toMatch(/npm install not-here/);
    expect(error.cause).toBeInstanceOf(Error);
  });

  it.each([7, ['a'], true])('rejects %j', (plugin) => {
    expect(refusal(() => new Server(createServer(), { plugin: plugin as never })).code).toBe('ERR_PRIMUS_PLUGIN');
  });
});

const outside = 'outside';

describe('in Node, the client function of a plugin', () => {
  it('runs at the end of initialise, with the client as `this`, and its options', async () => {
    const { primus, connect } = await serve();
    primus.plugin('p', {
      client(this: Any, client: Any, options: Any) {
        client.seen = { self: this === client, option: options.mine, Primus: typeof (globalThis as Any).Primus };
      },
    });
    const client = connect({ mine: 'yes', manual: true }) as Any;
    expect(client.seen).toEqual({ self: true, option: 'yes', Primus: 'undefined' });
  });

  it('runs from its source: without the variables around it, with `Primus` and `require`', async () => {
    const { primus, connect } = await serve();
    primus.plugin('p', {
      client(client: Any) {
        client.free = { outside: typeof outside, Primus: typeof Primus, require: typeof require, path: require('node:path').sep };
        client.same = client instanceof Primus;
      },
    });
    const client = connect({ manual: true }) as Any;
    expect(client.free).toMatchObject({ Primus: 'function', require: 'function' });
    expect(client.free.path).toMatch(/[/\\]/);
    expect(client.same).toBe(true);
  });

  const shapes: [string, Plugin][] = [
    [
      'method',
      {
        client(primus) {
          primus.shape = 'method';
        },
      },
    ],
    [
      'function',
      {
        client: (primus) => {
          primus.shape = 'function';
        },
      },
    ],
    [
      'arrow',
      {
        client: (primus) => {
          primus.shape = 'arrow';
        },
      },
    ],
    ['expression', { client: (primus) => Object.assign(primus, { shape: 'expression' }) }],
    [
      'async method',
      {
        async client(primus) {
          primus.shape = 'async method';
        },
      },
    ],
    [
      'quoted',
      {
        client(primus) {
          primus.shape = 'quoted';
        },
      },
    ],
  ];

  it.each(shapes)('may be written as %s', async (shape, plugin) => {
    const { primus, connect } = await serve();
    primus.plugin('p', plugin);
    expect((connect({ manual: true }) as Any).shape).toBe(shape);
    expect(() => new Function(primus.library())).not.toThrow();
  });

  it('is rejected when it has no source', async () => {
    const { primus } = await serve();
    primus.plugin('p', { client: (() => {}).bind(null) });
    expect(refusal(() => primus.Socket).message).toMatch(/client of the plugin 'p'.*no source/);
    expect(refusal(() => primus.library()).code).toBe('ERR_PRIMUS_PLUGIN');
  });

  it('runs in sloppy mode, as the library does', async () => {
    const { primus, connect } = await serve();
    primus.plugin('p', {
      library: 'Primus.sloppy = (function () { return this !== undefined; })();',
      client: new Function('primus', 'primus.sloppy = (function () { return this !== undefined; })();') as never,
    });
    expect((primus.Socket as Any).sloppy).toBe(true);
    expect((connect({ manual: true }) as Any).sloppy).toBe(true);
  });

  it('is compiled at each access, with the plugins of that moment', async () => {
    const { primus, url } = await serve();
    const before = primus.Socket;
    primus.plugin('p', {
      library: 'Primus.count = (Primus.count || 0) + 1;',
      client(primus: Any) {
        primus.added = 1;
      },
    });
    const after = primus.Socket as Any;
    primus.plugout('p');
    const last = primus.Socket;
    const made = [before, after, last].map((Socket: Any) => new Socket(url, { manual: true }).added);
    expect(made).toEqual([undefined, 1, undefined]);
    new after(url, { manual: true });
    expect([(before as Any).count, after.count]).toEqual([undefined, 1]);
  });

  it('runs after an `initialise` that a library replaced', async () => {
    const { primus, connect } = await serve();
    primus.plugin('p', {
      library: `
        var initialise = Primus.prototype.initialise;
        Primus.prototype.initialise = function () { this.order = ['library']; initialise.apply(this, arguments); };`,
      client(primus) {
        primus.order.push('client');
      },
    });
    expect((connect({ manual: true }) as Any).order).toEqual(['library', 'client']);
  });

  it('can have its library in a file', async () => {
    const path = join(folder({ 'library.js': 'Primus.fromFile = true;' }), 'library.js');
    const { primus } = await serve({ plugin: { p: { library: path } } });
    expect((primus.Socket as Any).fromFile).toBe(true);
    expect(primus.library()).toContain('Primus.fromFile = true;');
  });

  it('runs in clients of createSocket as well', async () => {
    const { url, primus } = await serve();
    const plugin = {
      p: {
        client(primus: Any) {
          primus.transform('outgoing', (packet: Any) => {
            packet.data += '!';
          });
        },
      },
    };
    const client = new (Server.createSocket({ plugin }))(url);
    cleanup(() => client.destroy());
    const [spark] = (await event(primus, 'connection')) as [Any];
    client.write('hi');
    expect((await event(spark, 'data'))[0]).toBe('hi!');
    expect(refusal(() => Server.createSocket({ plugin: { p: {} } })).code).toBe('ERR_PRIMUS_PLUGIN');
  });
});

describe('the imported client', () => {
  it('uses plugins as they are, with the variables around them', () => {
    const seen: unknown[] = [];
    const plugin = { mine: { client: (primus: unknown, options: { x?: number }) => void seen.push(outside, primus, options.x) } };
    const client = new ImportedClient('http://localhost:1', { plugin, manual: true, x: 7 });
    expect(seen).toEqual([outside, client, 7]);
    client.destroy();
  });

  it('loads the plugins of packages', () => {
    startedIn(folder({ 'node_modules/plugin-one/index.js': 'exports.client = (client) => { client.one = 1; };' }));
    const given = [{ mine: 'plugin-one', none: null, off: false as const }, 'plugin-one'];
    const clients = given.map((plugin) => new ImportedClient('http://localhost:1', { plugin, manual: true }) as Any);
    expect(clients.map((client) => [client.one, Object.keys(client.plugin())])).toEqual([
      [1, ['mine']],
      [1, ['plugin-one']],
    ]);
    expect(Object.keys(ImportedClient.prototype.ark)).toEqual([]);
    for (const client of clients) client.destroy();
  });
});

describe('the served library', () => {
  /** Runs it as a page would, but as CommonJS. */
  function load(source: string): Any {
    const module = { exports: {} as unknown };
    new Function('module', 'WebSocket', 'addEventListener', 'removeEventListener', source)(
      module,
      WebSocket,
      () => {},
      () => {},
    );
    return module.exports;
  }

  it('has libraries and client functions as source, with `Primus` in scope, and works', async () => {
    const { primus, url } = await serve();
    primus.plugin('first', { library: 'Primus.library = typeof Primus' });
    primus.plugin('__proto__', {
      client(this: Any, primus: Any, options: Any) {
        primus.seen = [this === primus, Primus.library, options.mine];
        primus.transform('incoming', (packet: Any) => {
          packet.data = { got: packet.data };
        });
      },
    });
    const Client = load(primus.library());
    const client = new Client(url, { mine: 1 });
    cleanup(() => client.destroy());
    const [spark] = (await event(primus, 'connection')) as [Any];
    expect(client.seen).toEqual([true, 'function', 1]);
    const data = event(client, 'data');
    spark.write('x');
    expect((await data)[0]).toEqual({ got: 'x' });
  });

  it('gives plugins in a page the classes and functions that they use', async () => {
    const { primus, url } = await serve({
      plugin: {
        old: {
          library: `
            function Old() { Primus.Stream.call(this); }
            function Ctor() {} Ctor.prototype = Primus.EventEmitter.prototype;
            Old.prototype = new Ctor(); Old.prototype.constructor = Old;
            Primus.Old = Old;`,
        },
      },
    });
    const Client = load(primus.library());
    const old = new Client.Old();
    const got: unknown[] = [];
    const listener = (value: unknown) => got.push(value);
    old.on('x', listener).once('x', listener);
    old.emit('x', 1);
    old.removeListener('x', listener).emit('x', 2);
    expect(got).toEqual([1, 1]);
    const client = Client(url, { manual: true });
    expect(client).toBeInstanceOf(Client);
    expect(client.querystringify(client.querystring('?a=1&b=%20'))).toBe('a=1&b=%20');
    expect(Client.OPEN).toBe(3);
  });

  it('is the same as without plugins when none has a client', async () => {
    const { primus } = await serve();
    const bare = primus.library();
    primus.plugin('server only', { server() {} });
    expect(primus.library()).toBe(bare);
    expect(bare).not.toContain('PrimusEdge');
  });

  it('carries the encoder, the decoder and the library of a custom parser', async () => {
    // On the server there is no `MARK`: a page finds it in the library.
    const parser = {
      library: 'var MARK = "~";',
      encoder: (data: unknown, done: (error: null, frame: string) => void) => done(null, JSON.stringify(data)),
      decoder(frame: unknown, done: (error: null, data: unknown) => void) {
        done(null, { mark: typeof MARK === 'undefined' ? '' : MARK, data: JSON.parse(String(frame)) });
      },
    };
    const { primus, url } = await serve({ parser });
    const Client = load(primus.library());
    const client = new Client(url);
    cleanup(() => client.destroy());
    const [spark] = (await event(primus, 'connection')) as [Any];
    const data = event(client, 'data');
    spark.write({ x: 1 });
    expect((await data)[0]).toEqual({ mark: '~', data: { x: 1 } });
  });

  it('uses the option `global` with plugins too', async () => {
    const { primus } = await serve({
      global: 'Mine',
      plugin: {
        p: {
          client(primus) {
            primus.p = 1;
          },
        },
      },
    });
    cleanup(() => Reflect.deleteProperty(globalThis, 'Mine'));
    new Function('WebSocket', 'addEventListener', 'removeEventListener', primus.library())(
      WebSocket,
      () => {},
      () => {},
    );
    expect(new (globalThis as Any).Mine('http://localhost', { manual: true }).p).toBe(1);
  });
});

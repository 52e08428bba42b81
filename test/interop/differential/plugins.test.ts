import { createServer } from 'node:http';
import { until } from '../../support/wait.js';
import type { Any, Stage } from '../defects/stage.js';
import { pluginPackage } from '../plugin-package.js';
import { compare } from './compare.js';

/** A server that does not listen. */
function server({ Primus }: Stage, options: object = {}) {
  return new Primus(createServer(), { transformer: 'websockets', ...options });
}

/** A client that does not connect. */
function client(Socket: Any) {
  return new Socket('http://localhost:1', { manual: true });
}

compare('a plugin', [
  {
    name: 'may be the name of a package, wherever a plugin is expected',
    run: async (stage) => {
      const path = pluginPackage(stage);
      const [mapped, added, listed] = [server(stage, { plugin: { greet: path } }), server(stage), server(stage, { plugin: path })];
      const chained = added.plugin('greet', path) === added;
      const compiled = stage.Primus.createSocket({ transformer: 'websockets', plugin: { greet: path } });
      const named = stage.Primus.createSocket({ transformer: 'websockets', plugin: path });
      const array = server(stage, { plugin: [path] });
      return {
        chained,
        arks: [mapped, added, array].map(({ ark }) => Object.keys(ark)),
        same: Object.keys(listed.ark)[0] === path && Object.keys(named.prototype.ark)[0] === path,
        greeted: [mapped, added, listed, array].map((primus) => primus.greeted),
        clients: [mapped.Socket, added.Socket, listed.Socket, compiled, named].map((Socket) => client(Socket).greet()),
        library: mapped.library().includes('greet'),
      };
    },
  },
  {
    name: 'is left out where an option has a falsy value',
    run: async (stage) => {
      const mine = { server() {} };
      const options = [undefined, null, false, 0, '', {}, { none: null, off: false, mine }];
      return options.map((plugin) => Object.keys(server(stage, { plugin }).ark));
    },
  },
  {
    name: 'must not be missing',
    run: async (stage) => {
      const attempts = [
        () => server(stage).plugin('mine', null),
        () => server(stage, { plugin: 7 }),
        () => server(stage, { plugin: true }),
      ];
      return attempts.map((attempt) => {
        try {
          attempt();
          return 'ignored';
        } catch (error) {
          return (error as Any).code;
        }
      });
    },
    differs: {
      ours: ['ERR_PRIMUS_PLUGIN', 'ERR_PRIMUS_PLUGIN', 'ERR_PRIMUS_PLUGIN'],
      original: ['ignored', 'ignored', 'ignored'],
      row: 'a plugin that is `null`, or an option `plugin` that is a number or `true`',
    },
  },
  {
    name: 'is announced before its server function runs, and before it is removed',
    run: async (stage) => {
      const primus = server(stage);
      const log: unknown[] = [];
      const mine = { server: () => log.push(['server', primus.ark.mine === mine]) };
      for (const event of ['plugin', 'plugout'])
        primus.on(event, (...args: unknown[]) => log.push([event, args[0], args[1] === mine, args.length, primus.ark.mine === mine]));
      primus.plugin('mine', mine);
      log.push(primus.plugout('mine'), primus.plugout('mine'), primus.plugin('mine') === undefined);
      return log;
    },
  },
  {
    name: 'stays in the ark when its server function throws',
    run: async (stage) => {
      const primus = server(stage);
      const fails = () => {
        throw new Error('no');
      };
      try {
        primus.plugin('mine', { server: fails });
      } catch (error) {
        return [(error as Error).message, Object.keys(primus.ark)];
      }
      return 'did not throw';
    },
  },
  {
    name: 'may be a function or an instance with the documented members',
    run: async (stage) => {
      const primus = server(stage);
      class Plugin {
        server(this: Any, given: Any, options: Any) {
          given.seen = [this === given, options === given.options];
        }
      }
      primus.plugin('instance', new Plugin());
      primus.plugin(
        'function',
        Object.assign(() => {}, { server: (given: Any) => given.seen.push('function') }),
      );
      return [primus.seen, Object.keys(primus.ark)];
    },
  },
]);

/** Runs the library of a server as a page would, but as CommonJS. */
function load(primus: Any): Any {
  const module = { exports: {} };
  const names = ['module', 'WebSocket', 'addEventListener', 'removeEventListener', 'require'];
  new Function(...names, primus.library())(
    module,
    Object,
    () => {},
    () => {},
    undefined,
  );
  return module.exports;
}

compare('the ark of a class of clients', [
  {
    name: 'has the client functions by name, and belongs to one compiled class',
    run: async (stage) => {
      const plugin = { both: { server() {}, client: () => {} }, server: { server() {} } };
      const primus = server(stage, { plugin });
      const [first, second] = [primus.Socket, primus.Socket];
      const { writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(first.prototype, 'ark') as PropertyDescriptor;
      return {
        flags: [writable, enumerable, configurable],
        names: Object.keys(first.prototype.ark),
        type: typeof first.prototype.ark.both,
        shared: first.prototype.ark === second.prototype.ark,
        empty: Object.keys(server(stage).Socket.prototype.ark),
      };
    },
  },
  {
    name: 'is open: each client runs what is in it when it is made',
    run: async (stage) => {
      const { Socket } = server(stage);
      const seen: unknown[] = [];
      Socket.prototype.ark.extra = function (this: Any, ...args: Any[]) {
        seen.push([this === args[0], args[1] === args[0].options, args.length, args[0] instanceof Socket]);
      };
      const one = client(Socket);
      delete Socket.prototype.ark.extra;
      client(Socket);
      return { seen, after: [typeof one.plugin('extra'), Object.keys(one.plugin())] };
    },
  },
  {
    name: 'is what plugin() of a client returns, and plugin(name) one of its functions',
    run: async (stage) => {
      const made = client(server(stage, { plugin: { mine: { client: () => {} } } }).Socket);
      return [Object.keys(made.plugin()), typeof made.plugin('mine'), typeof made.plugin('other'), made.plugin('mine') === made.ark.mine];
    },
  },
  {
    name: 'is not extended by the options of one client, which may be those of the server',
    run: async (stage) => {
      const { Socket } = server(stage);
      const seen: unknown[] = [];
      const made = new Socket('http://localhost:1', { manual: true, plugin: { mine: { client: () => seen.push('ran') } } });
      return [seen, Object.keys(made.plugin())];
    },
  },
  {
    name: 'has the plugins of a served library, and is there without plugins',
    run: async (stage) => {
      const mine = { client: () => {}, library: 'Primus.prototype.mine = 1;' };
      const [Primus, Plain] = [load(server(stage, { plugin: { mine } })), load(server(stage))];
      const { ark } = Primus.prototype;
      return [Object.keys(ark), typeof ark.mine, Primus.prototype.mine, Object.keys(Plain.prototype.ark)];
    },
  },
]);

/** Waits until a spark was asked for its heartbeat twice. */
async function beats(stage: Stage, replace: (target: Any, heartbeat: (this: Any) => void) => void, of: (primus: Any, spark?: Any) => Any) {
  const calls: unknown[] = [];
  function heartbeat(this: Any, ...args: unknown[]) {
    calls.push([typeof this.id, args.length]);
  }
  const { primus, connect } = await stage.serve({ pingInterval: 20 });
  const target = of(primus);
  if (target) replace(target, heartbeat);
  primus.on('connection', (spark: Any) => {
    const own = of(primus, spark);
    if (own && !target) replace(own, heartbeat);
  });
  connect({ pingTimeout: false });
  await until(() => calls.length > 2);
  return calls.slice(0, 2);
}

compare('a heartbeat that a plugin replaced', [
  {
    name: 'is called once a period on one spark',
    run: (stage) =>
      beats(
        stage,
        (spark, heartbeat) => Object.assign(spark, { heartbeat }),
        (_primus, spark) => spark,
      ),
  },
  {
    name: 'is called on the sparks of a server',
    run: (stage) =>
      beats(
        stage,
        (prototype, heartbeat) => Object.assign(prototype, { heartbeat }),
        ({ Spark }) => Spark.prototype,
      ),
  },
  {
    name: 'is called on the sparks of all servers',
    run: (stage) => {
      const { prototype } = stage.Primus.Spark;
      const { heartbeat: original } = prototype;
      stage.cleanup(() => {
        prototype.heartbeat = original;
      });
      return beats(
        stage,
        (target, heartbeat) => Object.assign(target, { heartbeat }),
        () => prototype,
      );
    },
  },
  {
    name: 'can call the one before it, which pings',
    run: async (stage) => {
      const { primus, connect } = await stage.serve({ pingInterval: 20 });
      const { heartbeat } = primus.Spark.prototype;
      let calls = 0;
      primus.Spark.prototype.heartbeat = function () {
        calls++;
        heartbeat.call(this);
      };
      const made = connect();
      let pings = 0;
      made.on('incoming::ping', () => pings++);
      // A client that a busy machine keeps from answering in time is terminated, and connects again.
      await until(() => pings > 2);
      return calls > 2;
    },
  },
]);

compare('heartbeat() of a spark', [
  {
    name: 'pings the client, also without a period',
    run: async (stage) => {
      const { spark, client: made } = await stage.pair({ pingInterval: false });
      const events: string[] = [];
      spark.on('outgoing::ping', (sent: unknown) => events.push(`ping ${typeof sent}`));
      made.on('incoming::ping', (sent: unknown) => events.push(`received ${typeof sent}`));
      const ponged = new Promise<void>((resolve) => spark.on('incoming::pong', () => resolve()));
      const returned = spark.heartbeat();
      const { alive } = spark;
      await ponged;
      await until(() => spark.alive);
      return { events, returned, alive };
    },
  },
  {
    name: 'terminates a connection from which nothing was received since the last one',
    run: async (stage) => {
      const { spark, client: made } = await stage.pair({ pingInterval: false });
      const closed = new Promise((resolve) => made.on('close', resolve));
      const pings: unknown[] = [];
      spark.on('outgoing::ping', () => pings.push('ping'));
      spark.heartbeat();
      spark.heartbeat();
      await closed;
      return { pings, readyState: spark.readyState };
    },
  },
]);

/** A parser that adds to each message who encoded and who decoded it. Its functions run from source in clients. */
const naming = {
  encoder(this: Any, data: Any, done: Any) {
    const by = this.connections ? 'server' : this.headers ? 'spark' : this.recovery ? 'client' : 'none';
    done(undefined, JSON.stringify(String(data).indexOf('primus::') === 0 ? { data } : { data, encoded: by }));
  },
  decoder(this: Any, frame: Any, done: Any) {
    const by = this.connections ? 'server' : this.headers ? 'spark' : this.recovery ? 'client' : 'none';
    const message = JSON.parse(frame);
    done(undefined, message.encoded ? [message.data, message.encoded, by] : message.data);
  },
};
const parser = {
  encoder: new Function('data', 'done', bodyOf(naming.encoder)),
  decoder: new Function('frame', 'done', bodyOf(naming.decoder)),
};

function bodyOf(fn: (...args: never[]) => unknown): string {
  const text = String(fn);
  return text.slice(text.indexOf('{') + 1, text.lastIndexOf('}'));
}

/** Returns what the peer gets. */
async function received(from: Any, to: Any, data: string) {
  const message = new Promise((resolve) => to.once('data', resolve));
  from.write(data);
  return message;
}

compare('in an encoder and a decoder, `this`', [
  {
    name: 'is the spark or the client',
    run: async (stage) => {
      const { spark, client: made } = await stage.pair({ parser, pingInterval: false });
      return [await received(spark, made, 'down'), await received(made, spark, 'up')];
    },
  },
  {
    name: 'is the server where a broadcast is encoded once',
    run: async (stage) => {
      const { primus, client: made } = await stage.pair({ parser, pingInterval: false });
      return received(primus, made, 'all');
    },
    differs: {
      ours: ['all', 'server', 'client'],
      original: ['all', 'spark', 'client'],
      row: '`this` in the encoder of a broadcast',
    },
  },
]);

compare('an encoder that is assigned to a server or a client', [
  {
    name: 'has no effect',
    run: async (stage) => {
      const { primus, spark, client: made } = await stage.pair({ pingInterval: false });
      const calls: string[] = [];
      for (const [name, owner] of Object.entries({ server: primus, client: made })) {
        const { encoder } = owner;
        owner.encoder = function (this: Any, ...args: unknown[]) {
          calls.push(name);
          return encoder.apply(this, args);
        };
      }
      await received(spark, made, 'down');
      await received(made, spark, 'up');
      return calls;
    },
    differs: { ours: [], original: ['server', 'client'], row: 'assigning `encoder` or `decoder` of a server or client' },
  },
]);

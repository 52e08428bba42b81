import { createServer } from 'node:http';
import type { Any, Stage } from '../defects/stage.js';
import { compare } from './compare.js';

/** A server that does not listen. */
function server({ Primus }: Stage, options: object = {}) {
  return new Primus(createServer(), { transformer: 'websockets', ...options });
}

function spark(primus: Any): Any {
  return new primus.Spark({}, {}, {}, undefined, {});
}

compare('the class of the sparks of all servers', [
  {
    name: 'gives members to the sparks of servers that exist and of later ones',
    run: async (stage) => {
      const { Spark } = stage.Primus;
      const before = server(stage);
      const chained = Spark.readable('roomOf', () => 'lobby')('constant', 1) === Spark.readable;
      Spark.writable('variable', 2);
      Spark.readable('computed', { get: () => 3 }, true);
      Spark.prototype.plain = 4;
      stage.cleanup(() => {
        delete Spark.prototype.plain;
      });
      const members = [before, server(stage)].map((primus) => {
        const made = spark(primus);
        made.variable = 5;
        return [made.roomOf(), made.constant, made.variable, made.computed, made.plain, Object.keys(made).includes('constant')];
      });
      return { chained, members };
    },
  },
  {
    name: 'has members that cannot be assigned',
    run: async (stage) => {
      stage.Primus.Spark.readable('fixed', 1);
      const made = spark(server(stage));
      let failure: string | undefined;
      try {
        made.fixed = 2;
      } catch (error) {
        failure = (error as Error).constructor.name;
      }
      return [failure, made.fixed];
    },
  },
  {
    name: 'gives its hooks to the servers that are created afterwards, whose own come later',
    run: async (stage) => {
      const { prototype } = stage.Primus.Spark;
      const before = server(stage);
      const calls: unknown[] = [];
      prototype.initialise = function all(this: Any, ...args: unknown[]) {
        calls.push(['all', typeof this.id, typeof this.query, this.readyState, args.length]);
      };
      stage.cleanup(() => prototype.__initialise.pop());
      const after = server(stage);
      const latest = [prototype.initialise.name, after.Spark.prototype.initialise.name];
      after.Spark.prototype.initialise = () => calls.push('own');
      const lengths = [before, after].map((primus) => primus.Spark.prototype.__initialise.length - prototype.__initialise.length);
      spark(before);
      const early = calls.length;
      spark(after);
      return { latest, lengths, early, calls };
    },
  },
  {
    name: 'runs the list of hooks that replaces the one of a server',
    run: async (stage) => {
      const { prototype } = server(stage).Spark;
      const calls: unknown[] = [];
      prototype.__initialise = [...prototype.__initialise, () => calls.push('replaced')];
      spark({ Spark: prototype.constructor });
      return calls;
    },
  },
  {
    name: 'takes no hook that is not a function',
    run: async (stage) => {
      const { prototype } = stage.Primus.Spark;
      const { length } = prototype.__initialise;
      prototype.initialise = 5;
      return prototype.__initialise.length - length;
    },
  },
  {
    name: 'may have another emit, which the sparks of all servers use',
    run: async (stage) => {
      const { prototype } = stage.Primus.Spark;
      const own = Object.getOwnPropertyDescriptor(prototype, 'emit');
      const { emit } = prototype;
      const seen: unknown[] = [];
      prototype.emit = function (this: Any, ...args: unknown[]) {
        if (['data', 'custom'].includes(String(args[0]))) seen.push(args.slice(0, 2));
        return emit.apply(this, args);
      };
      stage.cleanup(() => (own ? Object.defineProperty(prototype, 'emit', own) : delete prototype.emit));
      const { client, spark: made } = await stage.pair();
      made.on('custom', () => seen.push('heard'));
      made.emit('custom', 1);
      const data = new Promise((resolve) => made.once('data', resolve));
      client.write('hello');
      await data;
      return seen;
    },
  },
]);

compare('a spark that the application creates', [
  {
    name: 'parses a query that is a string',
    run: async (stage) => {
      const primus = server(stage);
      const queries = ['room=one&a=1', '?room=one', 'a=1&a=2&b', '', null, undefined, { room: ['one'] }];
      return queries.map((query) => ({ ...new primus.Spark({}, {}, query, undefined, {}).query }));
    },
  },
  {
    name: 'derives its address from its request, or from a socket',
    run: async (stage) => {
      const primus = server(stage);
      const socket = { remoteAddress: '192.0.2.1', remotePort: 55 };
      const forwarded = { ip: '192.0.2.9', port: 3, secure: true };
      const address = (remote: unknown, request: object) => ({ ...new primus.Spark({}, remote, {}, undefined, request).address });
      return [
        address(socket, { forwarded }),
        address(socket, {}),
        address({ ...socket, encrypted: true }, {}),
        address({ connection: socket }, {}),
        address({}, {}),
        address('192.0.2.1', {}),
        address(undefined, {}),
      ];
    },
  },
  {
    name: 'has the address that it is given',
    run: async (stage) => ({ ...new (server(stage).Spark)({}, { ip: '192.0.2.1', port: 55 }, {}, undefined, {}).address }),
    differs: {
      ours: { ip: '192.0.2.1', port: 55 },
      original: { ip: '127.0.0.1', port: 0, secure: false },
      row: 'the address of `new primus.Spark(headers, { ip, port })`',
    },
  },
]);

compare('additions to the sparks of one server', [
  {
    name: 'do not reach those of another',
    run: async (stage) => {
      const [one, other] = [server(stage), server(stage)];
      one.Spark.readable('onlyHere', 1);
      return [spark(one).onlyHere, spark(other).onlyHere];
    },
    differs: { ours: [1, undefined], original: [1, 1], row: 'additions to `primus.Spark` with `readable` and `writable`' },
  },
]);

compare('a third-party transformer', [
  {
    name: 'has a logger, whose functions emit `log` on the server',
    run: async (stage) => {
      const logged: unknown[] = [];
      const levels = ['error', 'warn', 'info', 'debug', 'log', 'plain'];
      const transformer = stage.Primus.Transformer.extend({
        server(this: Any) {
          this.primus.on('log', (...args: unknown[]) => logged.push(args));
          for (const level of levels) this.logger[level]('a', 'b');
        },
        client() {},
      });
      server(stage, { transformer });
      return logged;
    },
  },
  {
    name: 'has emits, as a spark has',
    run: async (stage) => {
      const heard: unknown[] = [];
      const transformer = stage.Primus.Transformer.extend({
        server(this: Any) {
          this.on('connected', (...args: unknown[]) => heard.push(args));
          this.emits('connected')(1, 2);
          this.emits('connected', (next: Any, value: number) => next(undefined, value * 2))(4);
        },
        client() {},
      });
      server(stage, { transformer });
      await new Promise(setImmediate);
      return heard;
    },
  },
]);

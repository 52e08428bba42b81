import { EventEmitter, once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Any, Stage } from '../defects/stage.js';
import { compare } from './compare.js';

/** The names of the layers of a server. */
const layers = (primus: Any): string[] => primus.layers.map(({ name }: Any) => name);

compare('use', [
  {
    name: 'takes a function without a name',
    run: async (stage: Stage) => {
      const { primus } = await stage.serve();
      const seen: unknown[] = [];
      primus.use(function first(_request: unknown, _response: unknown) {}, {}, 0);
      primus.use(
        function factory(this: unknown, options: unknown) {
          seen.push(this === primus, options);
          return (_request: unknown, _response: unknown) => {};
        },
        { mine: 1 },
      );
      return { layers: layers(primus), seen };
    },
  },
  {
    name: 'takes an index as the third argument, as a string, below 0, above the end, and between two layers',
    run: async (stage) => {
      const { primus } = await stage.serve();
      const layer = (_request: unknown, _response: unknown) => {};
      primus.use('third', layer, 1).use('string', layer, {}, '2').use('negative', layer, {}, -2).use('above', layer, {}, 99);
      primus.use('between', layer, {}, 1.5).use('none', layer, {}, undefined);
      return layers(primus);
    },
  },
  {
    name: 'replaces a layer of the same name in its place, whatever the index',
    run: async (stage) => {
      const { primus } = await stage.serve();
      const layer = (_request: unknown, _response: unknown) => {};
      primus.use('cors', layer, {}, 5);
      return { layers: layers(primus), fn: primus.layers[primus.indexOfLayer('cors')].fn === layer };
    },
  },
]);

compare('listeners of the server', [
  {
    name: 'may have another `this`, once or always, and are removed with it',
    run: async (stage) => {
      const { primus } = await stage.serve();
      const context = { name: 'context' };
      const seen: unknown[] = [];
      const listener = function (this: Any, value: unknown) {
        seen.push(this === context, value);
      };
      primus.on('mine', listener, context).once('mine', listener, context);
      primus.emit('mine', 1);
      primus.emit('mine', 2);
      primus.removeListener('mine', listener, {});
      const before = primus.listeners('mine').length;
      primus.off('mine', listener, context);
      primus.addListener('mine', listener, context).removeListener('mine', listener);
      return { seen, before, after: primus.listeners('mine').length };
    },
  },
  {
    name: 'are all removed by their event alone',
    run: async (stage) => {
      const { primus } = await stage.serve();
      primus
        .on('mine', () => {})
        .once('mine', () => {})
        .on('other', () => {});
      primus.removeListener('mine');
      return [primus.listenerCount('mine'), primus.listenerCount('other')];
    },
  },
  {
    name: 'of `connection` may be asynchronous and have another `this`',
    run: async (stage) => {
      const { primus, connect } = await stage.serve();
      const context = { seen: [] as string[] };
      primus.on(
        'connection',
        function (this: typeof context, _spark: unknown, next: () => void) {
          setTimeout(() => {
            this.seen.push('first');
            next();
          }, 5);
        },
        context,
      );
      const second = new Promise<void>((resolve) =>
        primus.on(
          'connection',
          function (this: typeof context) {
            this.seen.push('second');
            resolve();
          },
          context,
        ),
      );
      connect();
      await second;
      return context.seen;
    },
  },
]);

compare('calls with connections', [
  {
    name: 'forEach takes functions of every number of parameters, and stops on false',
    run: async (stage) => {
      const { primus } = await stage.pair();
      const seen: unknown[] = [];
      const result = primus.forEach(
        (...values: Any[]) =>
          void seen.push(
            values.map((value) => typeof value),
            values[2] === primus.connections,
          ),
      );
      for (const none of [null, undefined, false, 0, '']) primus.forEach((_spark: unknown) => void seen.push('step'), none);
      return { seen, itself: result === primus };
    },
  },
  {
    name: 'forEach passes the spark and a function to a step, and calls back with what the step passed',
    run: async (stage) => {
      const { primus, spark } = await stage.pair();
      const answers: unknown[] = [];
      await new Promise<void>((resolve) =>
        primus.forEach((...values: Any[]) => {
          answers.push(values.length, values[0] === spark);
          values[1]();
        }, resolve),
      );
      for (const answer of [[], [null], ['an error'], [null, false], [undefined, true]])
        await new Promise<void>((resolve) =>
          primus.forEach(
            (_spark: unknown, next: (...values: unknown[]) => void) => void next(...answer),
            (...values: unknown[]) => {
              answers.push(values);
              resolve();
            },
          ),
        );
      return answers;
    },
  },
  {
    name: 'write of the server can be chained, spark and client answer true',
    run: async (stage) => {
      const { primus, spark, client } = await stage.pair();
      const got = new Promise((resolve) => client.on('data', (data: unknown) => data === 'last' && resolve(data)));
      const results = [primus.write('a').write('last') === primus, spark.write('b', 'extra'), client.write('c', 'extra')];
      return { results, got: await got };
    },
  },
  {
    name: 'end takes its options behind nothing, null and falsy messages',
    run: async (stage) => {
      const outcomes: unknown[] = [];
      for (const args of [[], [undefined, {}], [undefined, null], [undefined, { reconnect: false }], [0], [false], [''], [null]]) {
        const { spark, client } = await stage.pair();
        const data: unknown[] = [];
        client.on('data', (message: unknown) => data.push(message));
        const ended = once(client, 'end');
        const itself = spark.end(...args) === spark;
        await ended;
        outcomes.push({ args, itself, data });
      }
      return outcomes;
    },
  },
  {
    name: 'id of a client that is open or not takes functions with a context of their own',
    run: async (stage) => {
      const { client, spark } = await stage.pair();
      const id = await new Promise((resolve) => client.id(resolve, 'extra'));
      return id === spark.id;
    },
  },
  {
    name: 'id calls back once, with the id alone and the client as `this`, also for two at the same time',
    run: async (stage) => {
      const { client, spark } = await stage.pair();
      const calls: unknown[] = [];
      const ask = () =>
        new Promise<void>((resolve) =>
          client.id(function (this: unknown, ...values: unknown[]) {
            calls.push(this === client, values.length, values[0] === spark.id);
            resolve();
          }),
        );
      await Promise.all([ask(), ask()]);
      await ask();
      return calls;
    },
  },
]);

compare('results', [
  {
    name: 'of save are the server, with and without options and callback',
    run: async (stage) => {
      const { primus } = await stage.serve();
      const path = join(mkdtempSync(join(tmpdir(), 'primus-')), 'primus.js');
      const plain = primus.save(path) === primus;
      const source = readFileSync(path, 'utf8').length > 1_000;
      const saved = await new Promise((resolve) => primus.save(path, resolve));
      return { plain, source, saved, flags: [primus.library(true), primus.library(false)].map((text) => text.length > 1_000) };
    },
  },
  {
    name: 'of asyncemit are the server, and its callback gets the error of a listener',
    run: async (stage) => {
      const { primus } = await stage.serve();
      primus.on('mine', (_value: unknown, next: (error: unknown) => void) => next('no'));
      const error = await new Promise((resolve) => primus.asyncemit('mine', 1, resolve));
      return { error, itself: primus.asyncemit('nothing', () => {}) === primus };
    },
  },
  {
    name: 'of destroy are the server, and its callback gets nothing',
    run: async (stage) => {
      const { primus } = await stage.serve();
      const answers: unknown[] = [];
      await new Promise<void>((resolve) =>
        primus.destroy(null, (...values: unknown[]) => {
          answers.push(values);
          resolve();
        }),
      );
      await new Promise<void>((resolve) => primus.destroy(() => resolve()));
      return answers;
    },
  },
]);

compare('names and functions', [
  {
    name: 'authorize and transform take methods of other objects',
    run: async (stage) => {
      const { primus, connect } = await stage.serve();
      const other = new EventEmitter() as Any;
      other.check = (_request: unknown, done: () => void) => done();
      primus.authorize(other.check);
      primus.transform('incoming', (packet: Any) => {
        packet.data = `${packet.data}!`;
      });
      const connection = once(primus, 'connection');
      connect().write('hello');
      const [spark] = (await connection) as Any[];
      const [data] = await once(spark, 'data');
      return data;
    },
  },
  {
    name: 'spark, plugin and plugout take names that there are not',
    run: async (stage) => {
      const { primus } = await stage.serve();
      const names = ['none', '__proto__', 'constructor', 'toString', 0, null, undefined, {}];
      return names.map((name) => [typeof primus.spark(name), primus.plugout(name), primus.indexOfLayer(name)]);
    },
  },
  {
    name: 'options of a server may be missing, null, false, 0 and empty',
    run: async (stage) => {
      const { primus, http } = await stage.serve();
      const Primus = primus.constructor;
      return [undefined, null, false, 0, ''].map((options) => {
        const other = new Primus(http, options);
        const { pathname } = other;
        other.destroy({ close: false });
        return pathname;
      });
    },
  },
]);

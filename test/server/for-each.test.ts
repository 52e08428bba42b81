import { describe, expect, it, vi } from 'vitest';
import type { Spark } from '../../src/index.js';
import { forEachAsync } from '../../src/server/for-each.js';
import { settle } from '../support/clock.js';
import { serve, until } from '../support/serve.js';

describe('forEachAsync', () => {
  it('calls the step with one item after the other', async () => {
    const order: unknown[] = [];
    let waiting: () => void = () => {};
    forEachAsync(
      [1, 2],
      (item, next) => {
        order.push(item);
        waiting = next;
      },
      (...answer) => order.push(answer),
    );
    expect(order).toEqual([1]);
    waiting();
    expect(order).toEqual([1, 2]);
    waiting();
    expect(order).toEqual([1, 2, []]);
  });

  it('calls back at once when there are no items', () => {
    const done = vi.fn();
    forEachAsync([], () => {}, done);
    expect(done.mock.calls).toEqual([[]]);
  });

  it('steps through 20,000 items that answer at once, without growing the stack', () => {
    const items = new Set(Array.from({ length: 20_000 }, (_, index) => index));
    let count = 0;
    const done = vi.fn();
    forEachAsync(
      items,
      (_item, next) => {
        count++;
        next();
      },
      done,
    );
    expect(count).toBe(20_000);
    expect(done.mock.calls).toEqual([[]]);
  });

  it('steps through 20,000 items of which half answer later', async () => {
    const done = vi.fn();
    let count = 0;
    forEachAsync(
      Array.from({ length: 20_000 }, (_, index) => index),
      (item, next) => {
        count++;
        if (item % 2) next();
        else queueMicrotask(next);
      },
      done,
    );
    await settle();
    expect(count).toBe(20_000);
    expect(done.mock.calls).toEqual([[]]);
  });

  it('includes items that join meanwhile, and leaves out those that leave', () => {
    const items = new Set([1, 2, 3]);
    const seen: number[] = [];
    forEachAsync(
      items,
      (item, next) => {
        seen.push(item);
        if (item === 1) items.delete(2);
        if (item === 3) items.add(4);
        next();
      },
      () => {},
    );
    expect(seen).toEqual([1, 3, 4]);
  });

  it.each<[string, (next: (error?: unknown, go?: boolean) => void) => unknown, unknown]>([
    ['answers false', (next) => next(undefined, false), null],
    ['answers false later', (next) => queueMicrotask(() => next(undefined, false)), null],
    ['answers an error', (next) => next(new Error('no')), new Error('no')],
    ['answers a string as an error', (next) => next('no'), 'no'],
    ['answers an error later', (next) => queueMicrotask(() => next(new Error('no'))), new Error('no')],
    [
      'throws',
      () => {
        throw new Error('no');
      },
      new Error('no'),
    ],
    [
      'rejects',
      async () => {
        throw new Error('no');
      },
      new Error('no'),
    ],
  ])('stops when a step %s', async (_name, step, outcome) => {
    const done = vi.fn();
    const seen: number[] = [];
    forEachAsync(
      [1, 2, 3],
      (item, next) => {
        seen.push(item);
        return item === 2 ? step(next) : next();
      },
      done,
    );
    await settle();
    expect(seen).toEqual([1, 2]);
    expect(done.mock.calls).toEqual([[outcome]]);
  });

  it('counts only the first answer of each step', () => {
    const done = vi.fn();
    const seen: number[] = [];
    forEachAsync(
      [1, 2],
      (item, next) => {
        seen.push(item);
        next();
        next();
        next(new Error('late'));
      },
      done,
    );
    expect(seen).toEqual([1, 2]);
    expect(done.mock.calls).toEqual([[]]);
  });
});

describe('primus.forEach', () => {
  it('passes spark, id and connections, and stops on false', async () => {
    const { primus, connect } = await serve({ transformer: 'memory' });
    for (let count = 0; count < 3; count++) connect();
    await until(() => primus.connected === 3);
    const seen: unknown[][] = [];
    expect(primus.forEach((...args) => void seen.push(args))).toBe(primus);
    expect(seen).toEqual(Object.entries(primus.connections).map(([id, spark]) => [spark, id, primus.connections]));
    let asked = 0;
    const twice = () => ++asked < 2;
    primus.forEach(twice);
    expect(asked).toBe(2);
  });

  it('reaches all when `write` returns false for one of them', async () => {
    const { primus, connect } = await serve({ transformer: 'memory' });
    for (let count = 0; count < 3; count++) connect();
    await until(() => primus.connected === 3);
    const [first, second] = Object.values(primus.connections);
    const answers: boolean[] = [];
    const write = (spark: Spark) => {
      answers.push(spark.write('primus::reserved'));
      return answers.at(-1);
    };
    primus.forEach(write);
    expect(answers).toEqual([false, false, false]);
    const ids: string[] = [];
    const untilSecond = (spark: Spark) => {
      ids.push(spark.id);
      spark.write('a message');
      return spark !== second;
    };
    primus.forEach(untilSecond);
    expect(ids).toEqual([first?.id, second?.id]);
  });

  it('allows ending sparks during the iteration', async () => {
    const { primus, connect } = await serve({ transformer: 'memory' });
    for (let count = 0; count < 3; count++) connect();
    await until(() => primus.connected === 3);
    primus.forEach((spark) => void spark.end());
    expect(primus.connected).toBe(0);
  });

  it('calls the step with one spark after the other when there is a callback, and calls back', async () => {
    const { primus, connect } = await serve({ transformer: 'memory' });
    for (let count = 0; count < 2; count++) connect();
    await until(() => primus.connected === 2);
    const ids: string[] = [];
    const done = vi.fn();
    primus.forEach((spark, next) => {
      ids.push(spark.id);
      queueMicrotask(next);
    }, done);
    await settle();
    expect(ids).toEqual(Object.keys(primus.connections));
    expect(done.mock.calls).toEqual([[]]);
  });

  it('rejects a value that is not a function', async () => {
    const { primus } = await serve({ transformer: 'memory' });
    expect(() => primus.forEach('each' as never)).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
  });
});

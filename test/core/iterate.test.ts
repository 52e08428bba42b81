import { NEVER, Observable, of, Subject } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { iterate } from '../../src/core/streams/iterate.js';

/** A source that records the calls of its flow control. */
function source() {
  const values = new Subject<number>();
  const calls: string[] = [];
  const flow = { pause: () => void calls.push('pause'), resume: () => void calls.push('resume') };
  return { values, calls, flow };
}

describe('iterate', () => {
  it('yields the values in order and ends with the stream', async () => {
    const seen: number[] = [];
    for await (const value of iterate(of(1, 2, 3))) seen.push(value);
    expect(seen).toEqual([1, 2, 3]);
  });

  it('waits for values that are emitted later', async () => {
    const { values } = source();
    const iterator = iterate(values);
    const first = iterator.next();
    values.next(1);
    expect(await first).toEqual({ value: 1, done: false });
    const second = iterator.next();
    values.complete();
    expect(await second).toEqual({ value: undefined, done: true });
  });

  it('yields undefined and other falsy values', async () => {
    const seen: unknown[] = [];
    for await (const value of iterate<unknown>(of(undefined, null, 0, ''))) seen.push(value);
    expect(seen).toEqual([undefined, null, 0, '']);
  });

  it('throws the error of the stream after the values before it', async () => {
    const { values } = source();
    const iterator = iterate(values);
    const first = iterator.next();
    values.next(1);
    values.error(new Error('no'));
    expect(await first).toEqual({ value: 1, done: false });
    await expect(iterator.next()).rejects.toThrow('no');
    expect(await iterator.next()).toEqual({ value: undefined, done: true });
  });

  it('subscribes on the first call of next, and not before', async () => {
    const subscribed = vi.fn(() => {});
    const iterator = iterate(new Observable<number>(subscribed));
    expect(subscribed).not.toHaveBeenCalled();
    await iterator.return(undefined);
    expect(subscribed).not.toHaveBeenCalled();
  });

  it('unsubscribes when the loop is left, by break or by throw', async () => {
    const leave = async (how: () => void) => {
      const { values } = source();
      try {
        const loop = (async () => {
          for await (const _value of iterate(values)) {
            how();
            break;
          }
        })();
        values.next(1);
        await loop;
      } catch {}
      return values.observed;
    };
    expect(await leave(() => {})).toBe(false);
    expect(
      await leave(() => {
        throw new Error('out');
      }),
    ).toBe(false);
  });

  it('pauses the source when more than `high` values wait, and resumes it when all are taken', async () => {
    const { values, calls, flow } = source();
    const iterator = iterate(values, { ...flow, high: 2 });
    const first = iterator.next();
    for (const value of [1, 2]) values.next(value);
    expect(calls).toEqual([]);
    values.next(3);
    expect(calls).toEqual(['pause']);
    values.next(4);
    expect(calls).toEqual(['pause']);
    expect([(await first).value, (await iterator.next()).value, (await iterator.next()).value]).toEqual([1, 2, 3]);
    expect(calls).toEqual(['pause']);
    expect((await iterator.next()).value).toBe(4);
    const next = iterator.next();
    expect(calls).toEqual(['pause', 'resume']);
    values.next(5);
    expect((await next).value).toBe(5);
  });

  it('yields values that arrive while it resumes the source', async () => {
    const { values } = source();
    const iterator = iterate(values, { high: 0, pause: () => {}, resume: () => values.next(2) });
    const first = iterator.next();
    values.next(1);
    expect((await first).value).toBe(1);
    expect((await iterator.next()).value).toBe(2);
  });

  it('resumes a paused source when the loop is left', async () => {
    const { values, calls, flow } = source();
    const iterator = iterate(values, { ...flow, high: 0 });
    const first = iterator.next();
    values.next(1);
    await first;
    await iterator.return(undefined);
    expect(calls).toEqual(['pause', 'resume']);
    expect(values.observed).toBe(false);
  });

  it('works without flow control', async () => {
    const iterator = iterate(of(1, 2, 3), { high: 0 });
    expect((await iterator.next()).value).toBe(1);
    await iterator.return(undefined);
    await iterate(NEVER).return(undefined);
  });
});

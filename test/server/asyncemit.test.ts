import { EventEmitter } from 'node:events';
import { of } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { filterAsync } from '../../operators/index.js';
import { asyncemit, ListenerError } from '../../src/server/asyncemit.js';
import { settle } from '../support/clock.js';

type Next = (error?: unknown) => void;

/** Emits `ask`, and records the outcome. */
function ask(emitter: EventEmitter, ...args: unknown[]) {
  const seen = { passed: 0, complete: false, errors: [] as unknown[] };
  const subscription = of(args)
    .pipe(filterAsync(() => asyncemit(emitter, { event: 'ask', args })))
    .subscribe({
      next: () => seen.passed++,
      error: (error) => seen.errors.push(error instanceof ListenerError ? error.reason : error),
      complete: () => {
        seen.complete = true;
      },
    });
  return Object.assign(seen, { subscription });
}

const fails = (): never => {
  throw new Error('broken');
};

describe('asyncemit', () => {
  it('agrees at once when there are no listeners, or all are synchronous', () => {
    const emitter = new EventEmitter();
    expect(ask(emitter)).toMatchObject({ passed: 1, complete: true });
    const listener = vi.fn();
    emitter.on('ask', listener);
    expect(ask(emitter, 'a')).toMatchObject({ passed: 1, complete: true });
    expect(listener.mock.calls).toEqual([['a']]);
  });

  it('waits for a listener with one parameter more than there are arguments, before it calls the next one', () => {
    const emitter = new EventEmitter();
    const order: string[] = [];
    let agree: Next = () => {};
    emitter.on('ask', (value) => order.push(`first ${value}`));
    emitter.on('ask', (value: string, next: Next) => {
      order.push(`asked ${value}`);
      agree = next;
    });
    emitter.on('ask', (value) => order.push(`last ${value}`));
    const seen = ask(emitter, 'a');
    expect(order).toEqual(['first a', 'asked a']);
    expect(seen.passed).toBe(0);
    agree();
    expect(order).toEqual(['first a', 'asked a', 'last a']);
    expect(seen).toMatchObject({ passed: 1, complete: true, errors: [] });
  });

  it('accepts a callback that is called at once', () => {
    const emitter = new EventEmitter();
    emitter.on('ask', (_value: string, next: Next) => next());
    expect(ask(emitter, 'a')).toMatchObject({ passed: 1, complete: true });
  });

  it('counts only the first call of a callback', () => {
    const emitter = new EventEmitter();
    const last = vi.fn();
    emitter.on('ask', (_value: string, next: Next) => {
      next();
      next();
      next(new Error('late'));
    });
    emitter.on('ask', last);
    expect(ask(emitter, 'a')).toMatchObject({ passed: 1, errors: [] });
    expect(last).toHaveBeenCalledTimes(1);
  });

  it('calls the next listener once, however often the one before it calls back', () => {
    const emitter = new EventEmitter();
    const second = vi.fn((_value: string, _next: Next) => {});
    emitter.on('ask', (_value: string, next: Next) => {
      next();
      next();
    });
    emitter.on('ask', (value: string, next: Next) => second(value, next));
    expect(ask(emitter, 'a').passed).toBe(0);
    expect(second).toHaveBeenCalledTimes(1);
  });

  it('calls listeners with `this`, and removes `once` listeners, whose own number of parameters counts', () => {
    const emitter = new EventEmitter();
    const seen: unknown[] = [];
    emitter.once('ask', function (this: unknown, _value: string, next: Next) {
      seen.push(this);
      next();
    });
    emitter.once('ask', function (this: unknown) {
      seen.push(this);
    });
    ask(emitter, 'a');
    expect(seen).toEqual([emitter, emitter]);
    expect(emitter.listenerCount('ask')).toBe(0);
  });

  it.each<[string, (value: string, next: Next) => unknown]>([
    ['is called back with an error', (_value, next) => next(new Error('broken'))],
    ['throws', (_value, _next) => fails()],
    ['rejects', async (_value, _next) => fails()],
  ])('fails when a waiting listener %s, and calls no further ones', async (_name, listener) => {
    const emitter = new EventEmitter();
    const last = vi.fn();
    emitter.on('ask', listener);
    emitter.on('ask', last);
    const seen = ask(emitter, 'a');
    await settle();
    expect(seen).toMatchObject({ passed: 0, errors: [new Error('broken')] });
    expect(last).not.toHaveBeenCalled();
  });

  it('fails when a listener behind a waiting one throws', async () => {
    const emitter = new EventEmitter();
    emitter.on('ask', (_value: string, next: Next) => queueMicrotask(next));
    emitter.on('ask', fails);
    const seen = ask(emitter, 'a');
    await settle();
    expect(seen).toMatchObject({ passed: 0, errors: [new Error('broken')] });
  });

  it('throws when all listeners are synchronous and one throws', () => {
    const emitter = new EventEmitter();
    emitter.on('ask', fails);
    expect(() => asyncemit(emitter, { event: 'ask', args: [] })).toThrow('broken');
  });

  it('does not wait for an async listener without a callback, and reports its rejection', async () => {
    const rejected = vi.fn();
    const emitter = Object.assign(new EventEmitter(), { [Symbol.for('nodejs.rejection')]: rejected });
    emitter.on('ask', async () => fails());
    expect(ask(emitter, 'a')).toMatchObject({ passed: 1 });
    await settle();
    expect(rejected.mock.calls).toEqual([[new Error('broken'), 'ask', 'a']]);
  });

  it('calls no further listeners after it was unsubscribed from', () => {
    const emitter = new EventEmitter();
    const last = vi.fn();
    let agree: Next = () => {};
    emitter.on('ask', (_value: string, next: Next) => {
      agree = next;
    });
    emitter.on('ask', last);
    const seen = ask(emitter, 'a');
    seen.subscription.unsubscribe();
    agree();
    expect(last).not.toHaveBeenCalled();
    expect(seen).toMatchObject({ passed: 0, complete: false });
  });
});

import { describe, expect, it, vi } from 'vitest';
import { emits, reserve } from '../../src/core/events.js';

type Next = (error?: unknown, value?: unknown) => void;

describe('reserve', () => {
  const reserved = reserve('open', 'reconnect failed');

  it('reserves its events and the private prefixes', () => {
    for (const event of ['open', 'reconnect failed', 'incoming::x', 'outgoing::', 'incoming::open']) expect(reserved(event)).toBe(true);
  });

  it.each([
    'Open',
    'opened',
    ' open',
    'data',
    '',
    'xincoming::x',
    'incoming:x',
    'toString',
    'constructor',
    '__proto__',
    'hasOwnProperty',
    undefined,
    null,
    1,
  ])('does not reserve %j', (event) => {
    expect(reserved(event)).toBe(false);
  });

  it('keeps its events in an enumerable object that plugins extend', () => {
    expect(Object.keys(reserved.events)).toEqual(['open', 'reconnect failed']);
    const own = reserve('a');
    own.events.b = 1;
    expect(own('b')).toBe(true);
    expect(reserved('b')).toBe(false);
  });
});

describe('emits', () => {
  const emitter = () => ({ emit: vi.fn() });

  it('passes its arguments on when there is no parser', () => {
    const target = emitter();
    emits(target, 'data')('a', 2);
    expect(target.emit.mock.calls).toEqual([['data', 'a', 2]]);
  });

  it('calls a parser with the emitter as `this`, and emits the value that it returns', () => {
    const target = emitter();
    const parser = vi.fn(function (this: unknown, next: (error?: unknown, value?: unknown) => void, a: number, b: number) {
      expect(this).toBe(target);
      next(undefined, a + b);
    });
    emits(target, 'data', parser)(1, 2);
    expect(target.emit.mock.calls).toEqual([['data', 3]]);
  });

  it('emits the arguments themselves for `undefined`, none for `null`, and nothing when the parser does not call back', () => {
    const target = emitter();
    emits(target, 'data', (next: Next) => next())('kept', 1);
    emits(target, 'data', (next: Next) => next(null, null))('ignored');
    emits(target, 'data', () => {})('ignored');
    expect(target.emit.mock.calls).toEqual([['data', 'kept', 1], ['data']]);
  });

  it('emits falsy values, and the values of an array as arguments', () => {
    const target = emitter();
    for (const value of [0, '', false, [1, [2]]]) emits(target, 'data', (next: Next) => next(null, value))();
    expect(target.emit.mock.calls).toEqual([
      ['data', 0],
      ['data', ''],
      ['data', false],
      ['data', 1, [2]],
    ]);
  });

  it('puts bound arguments first, with and without a parser', () => {
    const target = emitter();
    emits(target, 'data', 'a')('b');
    emits(target, 'data', 'a', (next: Next) => next(null, 'c'))('b');
    emits(target, 'data', null)('b');
    expect(target.emit.mock.calls).toEqual([
      ['data', 'a', 'b'],
      ['data', 'a', 'c'],
      ['data', null, 'b'],
    ]);
  });

  it('turns an error of the parser into an error event', () => {
    const target = emitter();
    const error = new Error('no');
    emits(target, 'data', (next) => next(error, 'ignored'))();
    expect(target.emit.mock.calls).toEqual([['error', error]]);
  });

  it('emits for each call of a callback that comes later, or more than once', async () => {
    const target = emitter();
    emits(target, 'data', (next) => {
      queueMicrotask(() => next(null, 1));
      queueMicrotask(() => next(null, 2));
    })();
    expect(target.emit).not.toHaveBeenCalled();
    await Promise.resolve();
    await Promise.resolve();
    expect(target.emit.mock.calls).toEqual([
      ['data', 1],
      ['data', 2],
    ]);
  });
});

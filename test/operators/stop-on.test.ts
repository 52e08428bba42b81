import { describe, expect, it } from 'vitest';
import { constant } from '../../operators/constant.js';
import { stopOn } from '../../operators/stop-on.js';
import { attempts } from './attempts.js';
import { marbles } from './marbles.js';

describe('stopOn', () => {
  it(
    'gives up at once at an error with such a status',
    marbles(({ scheduler, expectObservable }) => {
      const policy = stopOn(401, 403)(constant(3));
      expectObservable(attempts(policy, scheduler, { status: 503 }, new Error('refused'), { status: 403 })).toBe('c--c--(cf|)');
    }),
  );

  it.each<[string, unknown, false | 3]>([
    ['a status', { status: 401 }, false],
    ['a code', { code: 'ENOTFOUND' }, false],
    ['an error of which the function says so', new SyntaxError('no JSON'), false],
    ['another status', { status: 503 }, 3],
    ['a status as a string', { status: '401' }, 3],
    ['another code', { code: 'ECONNREFUSED' }, 3],
    ['another error', new Error('refused'), 3],
    ['a number', 401, 3],
    ['undefined', undefined, 3],
    ['null', null, 3],
  ])('compares status and code, and calls the function: %s', (_what, error, expected) => {
    const policy = stopOn(401, 'ENOTFOUND', (error) => error instanceof SyntaxError)(constant(3));
    expect(policy(1, error)).toBe(expected);
  });

  it('does not call the policy when it gives up, and passes everything on else', () => {
    const seen: unknown[] = [];
    const policy = stopOn(401)((...args) => seen.push(args));
    expect(policy(1, { status: 401 })).toBe(false);
    expect(policy(2, 'error', 200)).toBe(1);
    expect(seen).toEqual([[2, 'error', 200]]);
  });

  it('never gives up without causes', () => {
    expect(stopOn()(constant(3))(1, {})).toBe(3);
  });
});

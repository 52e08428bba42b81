import { describe, expect, it } from 'vitest';
import { constant } from '../../operators/constant.js';
import { attempts } from './attempts.js';
import { marbles } from './marbles.js';

describe('constant', () => {
  it(
    'waits equally long before each attempt, and gives up after `retries`',
    marbles(({ scheduler, expectObservable }) => {
      expectObservable(attempts(constant(3, { retries: 3 }), scheduler)).toBe('c--c--c--(cf|)');
    }),
  );

  it('takes a string, and gives up after ten attempts', () => {
    const policy = constant('5 s');
    expect([1, 10, 11].map((attempt) => policy(attempt))).toEqual([5_000, 5_000, false]);
  });

  it('limits the delay to the longest that a timer can', () => {
    expect(constant(Infinity)(1)).toBe(2 ** 31 - 1);
  });

  it.each(['soon', -1, Number.NaN])('throws a TypeError at the call for %j', (delay) => {
    expect(() => constant(delay)).toThrow(TypeError);
  });
});

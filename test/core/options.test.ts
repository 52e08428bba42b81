import { describe, expect, it } from 'vitest';
import {
  boolean,
  CLIENT_DEFAULTS,
  callable,
  check,
  count,
  invalid,
  milliseconds,
  object,
  RECONNECT_DEFAULTS,
  SERVER_DEFAULTS,
  size,
  string,
  withDefaults,
} from '../../src/core/options.js';

const optionError = (...parts: string[]) =>
  expect.objectContaining({ code: 'ERR_PRIMUS_OPTION', message: expect.stringMatching(new RegExp(parts.join('.*'))) });

describe('the default options', () => {
  it('are the documented ones', () => {
    expect(SERVER_DEFAULTS).toMatchObject({
      pathname: '/primus',
      parser: 'json',
      transformer: 'websockets',
      pingInterval: 30_000,
      global: 'Primus',
      compression: false,
      maxLength: 10_485_760,
      transport: {},
    });
    expect(CLIENT_DEFAULTS).toMatchObject({
      timeout: 10_000,
      pingTimeout: 45_000,
      strategy: 'disconnect,online,timeout',
      manual: false,
      queueSize: Infinity,
      transport: {},
    });
    expect(RECONNECT_DEFAULTS).toEqual({ max: Infinity, min: 500, retries: 10, 'reconnect timeout': 30_000, factor: 2 });
  });
});

describe('milliseconds', () => {
  it.each<[number | string, number]>([
    [0, 0],
    [1_500, 1_500],
    [Infinity, Infinity],
    ['500', 500],
    ['500 ms', 500],
    ['500ms', 500],
    ['2 s', 2_000],
    ['2s', 2_000],
    [' 2 seconds ', 2_000],
    ['1 second', 1_000],
    ['1.5 minutes', 90_000],
    ['3 min', 180_000],
    ['3 mins', 180_000],
    ['1 H', 3_600_000],
    ['2 hrs', 7_200_000],
    ['1 day', 86_400_000],
  ])('reads %j as %d', (value, expected) => {
    expect(milliseconds(value, 'x')).toBe(expected);
  });

  it.each([-1, NaN, '', ' ', 's', '2 parsecs', '2 sx', '-2 s', '1e3', '2 s 3', 'two', null, undefined, true, {}, [], [5], new Date(0), 5n])(
    'rejects %o, naming the option and a valid value',
    (value) => {
      expect(() => milliseconds(value, 'timeout')).toThrow(optionError('timeout', '2 s'));
    },
  );
});

describe('check', () => {
  const table = { flag: boolean, string, fn: callable, thing: object, size, count };

  it('accepts valid options, missing ones, and those that are not in the table', () => {
    const valid = [
      { flag: false, string: '', fn: () => {}, thing: {}, size: 0.5, count: 0, anything: Symbol('mine') },
      { flag: undefined, size: null },
      { size: Infinity, count: Infinity },
    ];
    for (const options of valid) expect(() => check(options, table)).not.toThrow();
  });

  it.each<[string, unknown[]]>([
    ['flag', [0, 'true', {}]],
    ['string', [1, {}, []]],
    ['fn', ['x', {}, class {}.name]],
    ['thing', ['x', [], () => {}, 1]],
    ['size', [0, -1, NaN, '1', {}]],
    ['count', [-1, NaN, '1', {}]],
  ])('rejects an invalid %s, naming it', (option, values) => {
    for (const value of values) expect(() => check({ [option]: value }, table), String(value)).toThrow(optionError(option));
  });
});

describe('invalid', () => {
  it('names the option, the expected values and the value it got', () => {
    expect(invalid('size', 'a number', 'x').message).toBe('`size` must be a number, got "x"');
  });
});

describe('withDefaults', () => {
  const defaults = { a: 1, b: 2 };

  it('adds the defaults, and keeps options without one', () => {
    const plugin = {};
    expect(withDefaults(defaults, { b: 3, plugin })).toEqual({ a: 1, b: 3, plugin });
    expect(withDefaults(defaults, { b: 3, plugin }).plugin).toBe(plugin);
  });

  it('treats undefined and null as missing, as `check` does', () => {
    expect(withDefaults(defaults, { a: undefined, b: null })).toEqual(defaults);
  });

  it('keeps falsy values that are given', () => {
    expect(withDefaults({ a: 1, b: true, c: 'x' }, { a: 0, b: false, c: '' })).toEqual({ a: 0, b: false, c: '' });
  });

  it('changes neither the defaults nor prototypes', () => {
    withDefaults(defaults, { a: 5, ...JSON.parse('{"__proto__": {"x": 1}}') });
    expect(defaults).toEqual({ a: 1, b: 2 });
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });
});

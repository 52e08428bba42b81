import { describe, expect, it } from 'vitest';
import { type ClientOptions, clientOptions, reconnectPolicy } from '../../client/options.js';

const strategy = (value: ClientOptions['strategy']) => clientOptions({ strategy: value as never }).strategy;
const reconnect = (options: ClientOptions, random = () => 0) => reconnectPolicy(clientOptions(options).reconnect, random);

describe('client options', () => {
  it('have the documented defaults', () => {
    expect(clientOptions({})).toMatchObject({
      timeout: 10_000,
      pingTimeout: 45_000,
      strategy: 'disconnect,online,timeout',
      manual: false,
      queueSize: Infinity,
      transport: {},
    });
    expect(reconnect({}).settings).toEqual({ min: 500, max: Infinity, retries: 10, factor: 2, 'reconnect timeout': 30_000 });
  });

  it('take times as strings', () => {
    expect(clientOptions({ timeout: '2 s', pingTimeout: '1 minute' })).toMatchObject({ timeout: 2_000, pingTimeout: 60_000 });
    expect(reconnect({ reconnect: { min: '100 ms', max: '3 s', 'reconnect timeout': '1m' } }).settings).toMatchObject({
      min: 100,
      max: 3_000,
      'reconnect timeout': 60_000,
    });
    expect(clientOptions({ pingTimeout: false }).pingTimeout).toBe(false);
  });

  it('keep what they do not know, for plug-ins', () => {
    const plugin = {};
    expect(clientOptions({ plugin })).toHaveProperty('plugin', plugin);
  });

  it('take the older document’s name for the back-off, and `reconnect` wins', () => {
    expect(reconnect({ backoff: { minDelay: '1 s', maxDelay: 9_000, retries: 3, factor: 4 } }).settings).toEqual({
      min: 1_000,
      max: 9_000,
      retries: 3,
      factor: 4,
      'reconnect timeout': 30_000,
    });
    expect(reconnect({ backoff: { retries: 3 } }).settings).toMatchObject({ min: 500, max: Infinity, retries: 3, factor: 2 });
    expect(reconnect({ reconnect: { retries: 7 }, backoff: { retries: 3 } }).settings.retries).toBe(7);
  });
});

describe('strategy', () => {
  it.each<[ClientOptions['strategy'], string]>([
    ['disconnect', 'disconnect'],
    ['online, timeout, disconnect', 'online,timeout,disconnect'],
    ['  dIsconNect ,ONLINE', 'disconnect,online'],
    ['disconnect online', 'disconnect,online'],
    [['online', 'Timeout'], 'online,timeout'],
    [[' disconnect '], 'disconnect'],
    [[], ''],
    ['', ''],
    [false, ''],
  ])('%o is %j', (value, expected) => {
    expect(strategy(value)).toBe(expected);
  });
});

describe('the policy', () => {
  it('is the back-off within its settings', () => {
    const { policy } = reconnect({ reconnect: { min: 100, max: 1_000, retries: 5 } });
    expect([1, 2, 3, 4, 5, 6].map((attempt) => policy(attempt))).toEqual([100, 200, 400, 500, 500, false]);
    const { policy: late } = reconnect({ reconnect: { min: 100, max: 1_000, retries: 5 } }, () => 0.999);
    expect([1, 2, 3, 4, 5].map((attempt) => late(attempt))).toEqual([200, 400, 800, 1_000, 1_000]);
  });

  it('may be the user’s own, which knows no number of retries', () => {
    const own = (attempt: number) => attempt * 10;
    const { policy, settings } = reconnect({ reconnect: own });
    expect(policy).toBe(own);
    expect(settings).toEqual({ min: 500, max: Infinity, retries: Infinity, factor: 2, 'reconnect timeout': 30_000 });
  });
});

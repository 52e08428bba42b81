import { createServer } from 'node:http';
import { afterEach, describe, expect, expectTypeOf, it, vi } from 'vitest';
import { misspelledOptions, type OPTION_NAMES } from '../../src/core/option-names.js';
import { type ClientOptions, type CreateServerOptions, type CreateSocketOptions, Primus } from '../../src/index.js';

/** The names of an interface, without those of its index signature. */
type NamesOf<T> = keyof { [Name in keyof T as string extends Name ? never : number extends Name ? never : Name]: unknown };

const meant = (...given: string[]) => misspelledOptions(Object.fromEntries(given.map((name) => [name, 1])));

describe('an unknown option', () => {
  it.each([
    ['quueSize', 'queueSize'],
    ['pingIntervall', 'pingInterval'],
    ['maxlength', 'maxLength'],
    ['max_length', 'maxLength'],
    ['max-length', 'maxLength'],
    ['plugins', 'plugin'],
    ['origin', 'origins'],
    ['header', 'headers'],
    ['strategies', 'strategy'],
    ['transprot', 'transport'],
    ['authorisation', 'authorization'],
    ['pathName', 'pathname'],
    ['idgenerator', 'idGenerator'],
    ['iknowclustersbreakconnections', undefined],
    ['compresion', 'compression'],
    ['reconect', 'reconnect'],
    ['PORT', 'port'],
  ])('%s is one of %s', (given, name) => {
    expect(meant(given)).toEqual(name === undefined ? [] : [[given, name]]);
  });

  it('of `reconnect` or `backoff` is compared with theirs', () => {
    expect(misspelledOptions({ reconnect: { retires: 3, reconnectTimeout: 1, max: 1 }, backoff: { mindelay: 1 } })).toEqual([
      ['retires', 'retries'],
      ['reconnectTimeout', 'reconnect timeout'],
      ['mindelay', 'minDelay'],
    ]);
    expect(misspelledOptions({ reconnect: () => 1, backoff: null })).toEqual([]);
  });

  it('that is far from all is one of a plugin', () => {
    const published = [
      ...['rooms', 'wildcard', 'emitter', 'multiplex', 'responder', 'redis', 'namespace', 'latency', 'interval', 'address', 'metroplex'],
      ...['method', 'url', 'username', 'password', 'middleware', 'omega', 'mirage', 'mirage timeout', 'fortress', 'analytics', 'session'],
      ...['concurrently', 'adapter', 'cluster', 'resource', 'channels', 'events', 'times', 'auth', 'name', 'ttl', 'store', 'secret', 'x'],
    ];
    expect(meant(...published)).toEqual([]);
  });

  it('is compared with every option that the types have', () => {
    type Names = (typeof OPTION_NAMES)[number];
    expectTypeOf<Exclude<NamesOf<CreateServerOptions> | NamesOf<ClientOptions> | NamesOf<CreateSocketOptions>, Names>>().toBeNever();
    expect(meant('pingInterval', 'queueSize', 'port')).toEqual([]);
  });
});

describe('a misspelled option is a warning of the process', () => {
  const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const said = () => warnings.mock.calls.map(([message, options]) => [message, (options as unknown as { code: string }).code]);

  afterEach(() => warnings.mockClear());

  const expected = [['There is no option `quueSize`. Did you mean `queueSize`?', 'PRIMUS_OPTION']];

  it('of a server', () => {
    new Primus(createServer(), { quueSize: 1, rooms: { wildcard: true } }).destroy();
    expect(said()).toEqual(expected);
  });

  it('of `createSocket`, once for all its clients', () => {
    const Socket = Primus.createSocket({ quueSize: 1, pingInterval: 1_000 });
    new Socket('http://localhost', { manual: true });
    expect(said()).toEqual(expected);
  });

  it('of a client', () => {
    const Socket = Primus.createSocket();
    new Socket('http://localhost', { manual: true, quueSize: 1 });
    new Socket({ manual: true, quueSize: 1 });
    expect(said()).toEqual([...expected, ...expected]);
  });

  it('and options that are known, or missing, are none', () => {
    new Primus(createServer()).destroy();
    new (Primus.createSocket())('http://localhost', { manual: true, reconnect: { max: 1_000 } });
    expect(said()).toEqual([]);
  });
});

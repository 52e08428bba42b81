import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { Primus as Ours } from '../../src/index.js';
import type { Any } from '../interop/original.js';
import { cleanup } from '../support/serve.js';

const Primus = Ours as Any;

function server(Class = Primus) {
  const primus = new Class(createServer());
  cleanup(() => primus.destroy());
  return primus;
}

describe('static members that extend the class of servers', () => {
  it('define members that are not enumerable, and return themselves', () => {
    const Mine = Primus.extend();
    expect(Mine.readable('constant', 1)('chained', 2)).toBe(Mine.readable);
    expect(Mine.writable('variable', 3)).toBe(Mine.writable);
    expect(Mine.get('half', () => 4)).toBe(Mine.get);
    const set: unknown[] = [];
    expect(Mine.set('both', () => 5, set.push.bind(set))).toBe(Mine.set);
    const primus = server(Mine);
    primus.variable = 6;
    primus.both = 7;
    expect([primus.constant, primus.chained, primus.variable, primus.half, primus.both, set]).toEqual([1, 2, 6, 4, 5, [7]]);
    expect(() => {
      primus.constant = 8;
    }).toThrow(TypeError);
    expect(Object.keys(Mine.prototype)).toEqual([]);
    expect(server().constant).toBeUndefined();
  });

  it('may define a member again', () => {
    const Mine = Primus.extend();
    Mine.readable('version', 'mine')('version', 'again');
    expect(Mine.prototype.version).toBe('again');
  });

  it('create subclasses, which may be extended and called without `new`', () => {
    const Mine = Primus.extend({ greet: () => 'hello' }, { of: 'mine' });
    const Further = Mine.extend({ leave: () => 'bye' });
    const primus = Further(createServer());
    cleanup(() => primus.destroy());
    expect([primus.greet(), primus.leave(), primus instanceof Mine, primus instanceof Primus]).toEqual(['hello', 'bye', true, true]);
    expect([Mine.of, Mine.__super__, Mine.Spark]).toEqual(['mine', Primus.prototype, Primus.Spark]);
    expect(() => Primus.extend({ constructor() {} })).toThrow('extend: a class of its own needs `class … extends`');
  });

  it('define members of one server', () => {
    const primus = server();
    expect(primus.readable('constant', 1)).toBeTypeOf('function');
    primus.writable('variable', 2);
    primus.readable('computed', { get: () => 3 }, true);
    primus.variable = 4;
    expect([primus.constant, primus.variable, primus.computed, Object.keys(primus).includes('constant')]).toEqual([1, 4, 3, false]);
    expect(server().constant).toBeUndefined();
  });

  it('list the transformers and parsers by name', () => {
    expect(Object.keys(Primus.transformers)).toEqual(
      expect.arrayContaining(['websockets', 'engine.io', 'sockjs', 'faye', 'browserchannel', 'uws']),
    );
    expect(Object.keys(Primus.parsers)).toEqual(expect.arrayContaining(['json', 'ejson', 'binary', 'msgpack']));
  });
});

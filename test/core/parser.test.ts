import { describe, expect, it, vi } from 'vitest';
import { defineParser, findParser, type Parser } from '../../src/core/parser.js';

const upper = defineParser(
  'upper',
  (data) => {
    if (typeof data !== 'string') throw new TypeError('only strings');
    return data.toUpperCase();
  },
  (frame) => String(frame).toLowerCase(),
);

describe('defineParser', () => {
  it('answers at once, and by its callback as documented', () => {
    expect(upper.encode?.('a')).toBe('A');
    expect(upper.decode?.('A')).toBe('a');
    const done = vi.fn();
    upper.encoder('a', done);
    upper.decoder('B', done);
    expect(done.mock.calls).toEqual([
      [null, 'A'],
      [null, 'b'],
    ]);
  });

  it('passes what was thrown to the callback, once', () => {
    const done = vi.fn();
    upper.encoder(1, done);
    expect(done).toHaveBeenCalledTimes(1);
    expect(done.mock.calls[0]).toEqual([new TypeError('only strings')]);
  });

  it('does not call the callback again when the callback throws', () => {
    const done = vi.fn(() => {
      throw new Error('from the callback');
    });
    expect(() => upper.encoder('a', done)).toThrow('from the callback');
    expect(done.mock.calls).toEqual([[null, 'A']]);
  });
});

describe('findParser', () => {
  const known = new Map<string, Parser>([['upper', upper]]);

  it('finds a parser by its name in any case', () => {
    expect(findParser('upper', known)).toBe(upper);
    expect(findParser('UPPER', known)).toBe(upper);
  });

  it('loads the package of a parser when it is chosen by name', () => {
    const load = vi.fn();
    expect(findParser('needy', new Map([['needy', { ...upper, load }]]))).toMatchObject({ load });
    expect(load).toHaveBeenCalledTimes(1);
    findParser('upper', new Map<string, Parser>([...known, ['needy', { ...upper, load }]]));
    expect(load).toHaveBeenCalledTimes(1);
  });

  it('accepts any object with an encoder and a decoder', () => {
    const own = { encoder() {}, decoder() {} };
    expect(findParser(own, known)).toBe(own);
  });

  it.each(['constructor', '__proto__', 'toString', 'jason', ''])('rejects the name %j, and lists the known ones', (name) => {
    expect(() => findParser(name, known)).toThrow(
      expect.objectContaining({ code: 'ERR_PRIMUS_PARSER', message: expect.stringContaining('upper') }),
    );
  });

  it.each([[{}], [{ encoder() {} }], [{ decoder() {} }], [{ encoder: 1, decoder: 2 }], [null], [undefined], [42], [() => {}], [['upper']]])(
    'rejects %o',
    (wanted) => {
      expect(() => findParser(wanted, known)).toThrow(
        expect.objectContaining({ code: 'ERR_PRIMUS_PARSER', message: expect.stringContaining('encoder and decoder') }),
      );
    },
  );
});

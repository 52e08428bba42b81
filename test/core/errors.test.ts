import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { asError, dropped, describe as inWords, LinkError, PrimusError, unopened } from '../../src/core/errors.js';

describe('PrimusError', () => {
  it('is an Error with a code, a sentence and a cause', () => {
    const cause = new Error('why');
    const error = new PrimusError('ERR_PRIMUS_OPTION', 'Do this instead', { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'PrimusError', code: 'ERR_PRIMUS_OPTION', message: 'Do this instead', cause });
    expect(String(error)).toBe('PrimusError: Do this instead');
  });

  it('has no own property `cause` without one', () => {
    expect('cause' in new PrimusError('ERR_PRIMUS_OPTION', 'x')).toBe(false);
    expect('cause' in new LinkError('ERR_PRIMUS_CONNECT', 'x')).toBe(false);
  });
});

describe('LinkError', () => {
  it('has, and prints, only the details that are known', () => {
    expect(Object.keys(new LinkError('ERR_PRIMUS_CONNECT', 'No', { status: undefined, closeCode: 1006 }))).toEqual([
      'code',
      'name',
      'closeCode',
    ]);
    expect(Object.keys(new PrimusError('ERR_PRIMUS_OPTION', 'No'))).toEqual(['code', 'name']);
  });

  it('says why a connection was not established', () => {
    expect(unopened(dropped(1006, '', new Error('connect ECONNREFUSED 127.0.0.1:1'))).message).toBe(
      'The connection could not be established: connect ECONNREFUSED 127.0.0.1:1',
    );
    expect(unopened(dropped(1008, 'not you')).message).toBe('The connection could not be established: not you');
    expect(unopened(dropped(1006)).message).toBe('The connection could not be established');
  });

  it('says why a connection dropped, where that is known', () => {
    const cause = new Error('reset');
    const error = new LinkError('ERR_PRIMUS_UNEXPECTED_RESPONSE', 'No', {
      status: 503,
      reason: 'busy',
      retryAfter: 1000,
      closeCode: 1006,
      cause,
    });
    expect(error).toBeInstanceOf(PrimusError);
    expect(error).toMatchObject({ name: 'LinkError', status: 503, reason: 'busy', retryAfter: 1000, closeCode: 1006, cause });
  });

  it('is created of a close code and a reason, where there are any', () => {
    expect(dropped().message).toBe('The connection dropped');
    expect(dropped(1006).message).toBe('The connection dropped (1006)');
    expect(dropped(1008, 'no').message).toBe('The connection dropped (1008 no)');
    const cause = new RangeError('Max payload size exceeded');
    expect(dropped(1006, '', cause).message).toBe('The connection dropped (1006 Max payload size exceeded)');
    expect(dropped(1006, 'no', cause).message).toBe('The connection dropped (1006 no)');
    expect(dropped(1008, 'no', 'why')).toMatchObject({ code: 'ERR_PRIMUS_DROPPED', closeCode: 1008, reason: 'no', cause: 'why' });
  });

  it('names the limit of messages when the peer closes because of it', () => {
    const cause = (message: string) => expect.objectContaining({ message });
    expect(dropped(1009)).toMatchObject({ reason: 'A message exceeds maxLength', cause: cause('A message exceeds maxLength') });
    expect(dropped(1009, 'Too large', 'why')).toMatchObject({ reason: 'A message exceeds maxLength', cause: 'why' });
    expect(dropped(1009, 'maxLength is 3').message).toBe('The connection dropped (1009 maxLength is 3)');
  });
});

describe('asError', () => {
  it('returns errors as they are, subclasses included', () => {
    const error = new RangeError('x');
    expect(asError(error)).toBe(error);
  });

  it('returns an Error of another realm as it is, as programs in Jest throw', () => {
    const error = runInNewContext('new TypeError("elsewhere")');
    expect(error).not.toBeInstanceOf(Error);
    expect(asError(error)).toBe(error);
    expect(unopened(dropped(undefined, undefined, error)).message).toContain('elsewhere');
  });

  it('creates an Error with the properties of an object, as programs pass in place of errors', () => {
    const error = asError({ message: 'The room is full', code: 5 });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ message: 'The room is full', code: 5, stack: expect.any(String) });
  });

  it.each([
    ['a string', 'a string'],
    [undefined, 'undefined'],
    [null, 'null'],
    [42, '42'],
    [Symbol('s'), 'Symbol(s)'],
    [{ a: 1 }, /object/],
    [Object.create(null), /object/],
  ])('creates an Error of %o', (thrown, message) => {
    expect(asError(thrown)).toBeInstanceOf(Error);
    expect(asError(thrown).message).toMatch(message);
  });
});

describe('asError, of an object whose getters throw,', () => {
  const get = () => {
    throw new Error('do not touch');
  };

  it.each([
    ['a property', Object.defineProperty({}, 'code', { get, enumerable: true })],
    ['each property', new Proxy({}, { get })],
  ])('creates an Error: %s', (_name, thrown) => {
    expect(asError(thrown).message).toMatch(/object/);
  });
});

describe('describe', () => {
  it('never throws for any value', () => {
    const hostile = new Proxy(
      {},
      {
        get: () => {
          throw new Error('do not touch');
        },
      },
    );
    expect(inWords(hostile)).toContain('object');
    expect(inWords(Object.create(null))).toContain('object');
    expect(inWords(() => {})).toContain('function');
    expect(inWords(Symbol('s'))).toBe('Symbol(s)');
    expect(inWords(10n)).toBe('10');
  });

  it('quotes strings, and truncates long ones', () => {
    expect(inWords('a\n"b"')).toBe('"a\\n\\"b\\""');
    expect(inWords('x'.repeat(1_000))).toMatch(/^"x{60}…?"$/);
  });
});

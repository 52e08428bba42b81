import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Control, isControl, parseControl, printControl } from '../../src/core/protocol.js';

const stamp = fc.bigInt({ min: 0n, max: 9_999_999_999_999_999n }).map(String);

const control = fc.oneof<fc.Arbitrary<Exclude<Control, { type: 'unknown' }>>[]>(
  fc.record({ type: fc.constantFrom('ping', 'pong', 'server::retry'), value: stamp }),
  fc.constant({ type: 'id', value: '' }),
  fc.record({ type: fc.constant('id'), value: fc.string({ minLength: 1 }) }),
  fc.constant({ type: 'server', value: 'close' }),
);

describe('control messages', () => {
  it('have their documented form in frames', () => {
    expect(printControl({ type: 'ping', value: '1732250000000' })).toBe('primus::ping::1732250000000');
    expect(printControl({ type: 'pong', value: '1732250000000' })).toBe('primus::pong::1732250000000');
    expect(printControl({ type: 'id', value: '' })).toBe('primus::id::');
    expect(printControl({ type: 'id', value: 'a::b' })).toBe('primus::id::a::b');
    expect(printControl({ type: 'server', value: 'close' })).toBe('primus::server::close');
    expect(printControl({ type: 'server::retry', value: '5000' })).toBe('primus::server::retry::5000');
  });

  it('are parsed as they were printed', () => {
    fc.assert(
      fc.property(control, (message) => {
        const text = printControl(message);
        expect(isControl(text)).toBe(true);
        expect(parseControl(text)).toEqual(message);
      }),
    );
  });

  it('are never handled when malformed', () => {
    for (const rest of [
      '',
      'ping',
      'ping::',
      'ping::x',
      'ping::-1',
      'ping::1.5',
      'ping::1 ',
      'ping::12345678901234567',
      'pong::',
      'server::close::',
      'server::open',
      'server::retry',
      'server::retry::',
      'server::retry::-1',
      'server::retry::soon',
      'id',
      '::',
      'PING::1',
      '__proto__::1',
    ]) {
      expect(parseControl(`primus::${rest}`), rest).toEqual({ type: 'unknown', value: `primus::${rest}` });
    }
  });

  it('are parsed with anything after the prefix, and known ones print as they came', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `id::${text}`),
        ),
        (rest) => {
          const text = `primus::${rest}`;
          const read = parseControl(text);
          expect(read.type === 'unknown' ? read.value : printControl(read)).toBe(text);
        },
      ),
    );
  });

  it('are distinguished from data by their exact prefix', () => {
    for (const data of ['primus::', 'primus::x', 'primus::ping::1']) expect(isControl(data)).toBe(true);
    for (const data of [
      '',
      'p',
      'primus',
      'primus:',
      'primus:ping',
      ' primus::ping::1',
      'Primus::ping::1',
      1,
      null,
      undefined,
      ['primus::ping::1'],
      { toString: () => 'primus::ping::1' },
    ]) {
      expect(isControl(data)).toBe(false);
    }
  });
});

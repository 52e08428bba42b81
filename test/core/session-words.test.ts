import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isControl, parseControl } from '../../src/core/protocol.js';
import { parseClientWord, parseServerWord } from '../../src/core/session-words.js';

describe('the control messages of sessions', () => {
  it('are parsed as they are printed', () => {
    expect(parseClientWord('primus::ack::12')).toEqual({ type: 'ack', received: 12 });
    expect(parseClientWord('primus::bye::7')).toEqual({ type: 'bye', received: 7 });
    expect(parseClientWord('primus::bye::')).toEqual({ type: 'bye', received: Number.NaN });
    expect(parseClientWord('primus::resume::a-Z_9.3.1.7')).toEqual({ type: 'resume', token: 'a-Z_9', received: 3, from: 1, sent: 7 });
    const word = { value: '', second: '', third: '' };
    expect(parseClientWord('primus::resume::a-Z_9.3')).toEqual({ type: 'resume', token: 'a-Z_9', received: 3 });
    expect(parseServerWord('primus::server::resume?')).toEqual({ ...word, type: 'resume' });
    expect(parseServerWord('primus::server::session::1.e.t')).toEqual({ type: 'session', value: '1', second: 'e', third: 't' });
    expect(parseServerWord('primus::server::resumed::5.t.2')).toEqual({ type: 'resumed', value: '5', second: 't', third: '2' });
    expect(parseServerWord('primus::server::resumed::5.t')).toEqual({ type: 'resumed', value: '5', second: 't', third: '' });
    expect(parseServerWord('primus::server::gap::expired.e.t')).toEqual({ type: 'gap', value: 'expired', second: 'e', third: 't' });
    expect(parseServerWord('primus::server::ack::9')).toEqual({ ...word, type: 'ack', value: '9' });
    for (const other of ['close', 'retry::5', 'session', 'session::', 'session::1.e.t.x', 'ack::1 ', 'resumed::1.t.2.3'])
      expect(parseServerWord(`primus::server::${other}`)).toBeUndefined();
  });

  it('are control messages that ends without sessions ignore', () => {
    const words = ['server::session::1.e.t', 'server::resume?', 'server::resumed::5.t.2', 'server::gap::epoch.e.t', 'server::ack::9'];
    for (const word of [...words, 'ack::9', 'bye::', 'resume::t.1.2.3']) {
      expect(isControl(`primus::${word}`)).toBe(true);
      expect(parseControl(`primus::${word}`).type).toBe('unknown');
    }
  });

  it.each(['-1', '1e21', 'x', '', '1.5', '9'.repeat(100), ' 1'])('take an acknowledgement of %j for none that is possible', (count) => {
    expect(parseClientWord(`primus::ack::${count}`)).toEqual({ type: 'ack', received: Number.NaN });
  });

  it('are not taken for others, however long they are', () => {
    const long = 'x'.repeat(10_000_000);
    for (const word of ['ack', 'bye', 'resume']) expect(parseClientWord(`primus::${word}::${long}`)).toBeUndefined();
    for (const word of ['session::1.e', 'resumed::1.1', 'gap::expired.e'])
      expect(parseServerWord(`primus::server::${word}.${long}`)).toBeUndefined();
    for (const resume of ['t.-1.0.0', 't.1e3.0.0', 't.1.0', '.1.0.0', 't.1.0.0.0', 't t.1.0.0'])
      expect(parseClientWord(`primus::resume::${resume}`)).toBeUndefined();
  });

  it('never throw and never have a count that is negative or no integer, whatever is parsed', () => {
    const text = fc.tuple(
      fc.constantFrom('primus::', 'primus::server::', ''),
      fc.constantFrom('ack::', 'resume::', 'bye::', 'session::', 'gap::', 'resumed::', 'resume?'),
      fc.oneof(
        fc.string(),
        fc.array(fc.oneof(fc.integer().map(String), fc.string({ maxLength: 5 }))).map((parts) => parts.join('.')),
      ),
    );
    fc.assert(
      fc.property(text, (parts) => {
        for (const word of [parseClientWord(parts.join('')), parseServerWord(parts.join(''))]) {
          const counts = Object.entries(word ?? {}).filter(([name]) => /received|from|sent/.test(name));
          for (const [, count] of counts) expect(Number.isNaN(count) || (Number.isSafeInteger(count) && Number(count) >= 0)).toBe(true);
          expect(word === undefined || typeof word.type === 'string').toBe(true);
        }
      }),
    );
  });
});

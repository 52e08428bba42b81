import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ledger, OVERHEAD, ownFrame } from '../../src/core/ledger.js';
import { ExactLedger } from '../../src/server/sessions/exact-ledger.js';

describe('Ledger', () => {
  it('keeps what was sent until it is acknowledged', () => {
    const ledger = new Ledger(10_000);
    for (const frame of ['a', 'b', 'c']) expect(ledger.record(frame)).toBe(true);
    expect(ledger.confirm(1)).toBe(true);
    expect(ledger).toMatchObject({ sent: 3, confirmed: 1, from: 1, unconfirmed: 2, bytes: 2 * (1 + OVERHEAD) });
    expect(ledger.since(1)).toEqual(['b', 'c']);
    expect(ledger.since(2)).toEqual(['c']);
    expect(ledger.since(3)).toEqual([]);
    expect(ledger.since(0)).toBeUndefined();
    expect(ledger.since(4)).toBeUndefined();
  });

  it('has nothing to send again when nothing was sent', () => {
    const ledger = new Ledger(10_000);
    expect(ledger.since(0)).toEqual([]);
    expect(ledger.unconfirmed).toBe(0);
  });

  it('drops the oldest messages when the ring is full, and says so', () => {
    const ledger = new Ledger(2 * (1 + OVERHEAD));
    expect(ledger.record('a')).toBe(true);
    expect(ledger.record('b')).toBe(true);
    expect(ledger.record('c')).toBe(false);
    expect(ledger).toMatchObject({ from: 1, confirmed: 0, unconfirmed: 3 });
    expect(ledger.since(0)).toBeUndefined();
    expect(ledger.since(1)).toEqual(['b', 'c']);
    // The peer may have received it all the same.
    expect(ledger.confirm(2)).toBe(true);
    expect(ledger.since(2)).toEqual(['c']);
  });

  it('keeps no message that is larger than the ring', () => {
    const ledger = new Ledger(100);
    expect(ledger.record(new Uint8Array(100))).toBe(false);
    expect(ledger).toMatchObject({ sent: 1, from: 1, bytes: 0 });
    expect(ledger.since(1)).toEqual([]);
  });

  it.each([-1, 4, 1e21, Number.NaN, Infinity])('rejects an acknowledgement of %s of three messages', (received) => {
    const ledger = new Ledger(10_000);
    for (const frame of ['a', 'b', 'c']) ledger.record(frame);
    expect(ledger.confirm(received)).toBe(false);
    expect(ledger).toMatchObject({ confirmed: 0, from: 0 });
  });

  it('ignores an acknowledgement that comes late', () => {
    const ledger = new Ledger(10_000);
    for (const frame of ['a', 'b', 'c']) ledger.record(frame);
    ledger.confirm(3);
    expect(ledger.confirm(1)).toBe(true);
    expect(ledger.confirmed).toBe(3);
  });

  it.each([
    ['of a client, which does not encode them', Ledger, 3],
    ['of a server', ExactLedger, 1],
  ])('counts bytes, not characters, by the measure %s', (_by, AnyLedger, most) => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const ledger = new AnyLedger(10_000);
        ledger.record(text);
        if (ledger instanceof ExactLedger) ledger.measure();
        const bytes = Buffer.byteLength(text);
        const isASCII = bytes === text.length;
        expect(ledger.bytes).toBeGreaterThanOrEqual(bytes + OVERHEAD);
        expect(ledger.bytes).toBeLessThanOrEqual((isASCII ? 1 : most) * bytes + OVERHEAD);
        ledger.narrow(0);
        expect(ledger.bytes).toBe(0);
      }),
    );
    const ledger = new AnyLedger(1_000);
    expect(ledger.record('€'.repeat(322))).toBe(true);
    expect(ledger.record('€')).toBe(false);
    // What is received counts its characters: with three bytes each, that is less than the ring.
    expect(ledger.receive('€'.repeat(217))).toBe(false);
    expect(ledger.receive('')).toBe(true);
    const bytes = new AnyLedger(1_000);
    bytes.record(new Uint8Array(100));
    expect(bytes.bytes).toBe(100 + OVERHEAD);
  });

  it('asks for an acknowledgement after 64 messages, or a quarter of the ring', () => {
    const many = new Ledger(1_000_000);
    const few = new Ledger(1_000);
    const due = Array.from({ length: 64 }, () => many.receive('a'));
    expect(due.indexOf(true)).toBe(63);
    expect(few.receive('x'.repeat(200))).toBe(false);
    expect(few.owes).toBe(true);
    expect(few.receive('x')).toBe(true);
    expect(few.acknowledge()).toBe(2);
    expect(few.owes).toBe(false);
    expect(few.receive('x')).toBe(false);
  });

  it('agrees with a plain list of all messages, whatever happens', () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.string({ maxLength: 80 }).map((frame) => ({ send: frame })) },
      { weight: 2, arbitrary: fc.nat({ max: 40 }).map((count) => ({ confirm: count })) },
      { weight: 1, arbitrary: fc.nat({ max: 1_000 }).map((limit) => ({ narrow: limit })) },
    );
    fc.assert(
      fc.property(fc.integer({ min: 40, max: 1_000 }), fc.array(step, { maxLength: 100 }), (limit, steps) => {
        const ledger = new Ledger(limit);
        const all: string[] = [];
        let confirmed = 0;
        for (const event of steps) {
          const from = ledger.from;
          if ('send' in event) {
            const fits = ledger.record(event.send);
            all.push(event.send);
            expect(fits).toBe(ledger.from === from);
          } else if ('confirm' in event) {
            const possible = event.confirm <= all.length;
            expect(ledger.confirm(event.confirm)).toBe(possible);
            if (possible) confirmed = Math.max(confirmed, event.confirm);
          } else {
            ledger.narrow(event.narrow);
            expect(ledger.bytes).toBeLessThanOrEqual(event.narrow);
          }
          // It keeps a suffix of what was sent, never more than the ring holds, and never what is confirmed.
          const kept = all.slice(ledger.from);
          expect(ledger.bytes).toBe(kept.reduce((sum, frame) => sum + frame.length + OVERHEAD, 0));
          expect(ledger.bytes).toBeLessThanOrEqual(limit);
          expect(ledger.from).toBeGreaterThanOrEqual(confirmed);
          expect(ledger).toMatchObject({ sent: all.length, confirmed, unconfirmed: all.length - confirmed });
          for (let count = 0; count <= all.length + 1; count++) {
            expect(ledger.since(count)).toEqual(count < ledger.from || count > all.length ? undefined : all.slice(count));
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('ExactLedger', () => {
  it('keeps within the ring, to the byte, and counts the most that a message may have until it is measured', () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }).map((frame) => ({ send: frame })) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((frame) => ({ send: frame })) },
      { weight: 2, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }).map((share) => ({ confirm: share })) },
      { weight: 1, arbitrary: fc.nat({ max: 1_000 }).map((limit) => ({ narrow: limit })) },
      { weight: 1, arbitrary: fc.constant({ measure: true }) },
    );
    fc.assert(
      fc.property(fc.integer({ min: 40, max: 1_000 }), fc.array(step, { maxLength: 100 }), (limit, steps) => {
        const ledger = new ExactLedger(limit);
        const all: (string | Uint8Array)[] = [];
        let from = 0;
        const bytesFrom = (first: number) => all.slice(first).reduce((sum, frame) => sum + Buffer.byteLength(frame) + OVERHEAD, 0);
        const keep = (most: number) => {
          while (bytesFrom(from) > most) from++;
        };
        for (const event of steps) {
          if ('send' in event) {
            ledger.record(event.send);
            all.push(event.send);
            keep(limit);
          } else if ('confirm' in event) {
            const count = Math.round(event.confirm * all.length);
            ledger.confirm(count);
            from = Math.max(from, count);
          } else if ('narrow' in event) {
            ledger.narrow(event.narrow);
            keep(event.narrow);
          } else {
            ledger.measure();
            expect(ledger.isExact).toBe(true);
          }
          expect(ledger.from).toBe(from);
          expect(ledger.since(from)).toEqual(all.slice(from));
          expect(ledger.bytes).toBeGreaterThanOrEqual(bytesFrom(from));
          expect(ledger.bytes).toBeLessThanOrEqual(limit);
          if (ledger.isExact) expect(ledger.bytes).toBe(bytesFrom(from));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('ownFrame', () => {
  it('returns bytes in memory of their own', () => {
    const large = new Uint8Array(1_000);
    const frame = large.subarray(10, 20);
    const own = ownFrame(frame) as Uint8Array;
    large.fill(1);
    expect(own).toEqual(new Uint8Array(10));
    expect(own.buffer.byteLength).toBe(10);
    expect(ownFrame('text')).toBe('text');
  });
});

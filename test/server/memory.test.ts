import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LinkError } from '../../src/index.js';
import { MemoryAccount, type MemoryHolder } from '../../src/server/memory.js';

class Holder implements MemoryHolder {
  readonly ip: string;
  error: LinkError | undefined;

  constructor(ip = '10.0.0.1') {
    this.ip = ip;
  }

  shed(error: LinkError): void {
    this.error = error;
  }
}

describe('the account of memory', () => {
  it('sheds the holder with the most when the sum exceeds the limit', () => {
    const account = new MemoryAccount(1_000, 1_000);
    const [small, large, last] = [new Holder(), new Holder(), new Holder()];
    account.set(small, 300);
    account.set(large, 500);
    account.set(last, 201);
    expect([small.error, last.error]).toEqual([undefined, undefined]);
    expect(large.error).toMatchObject({ code: 'ERR_PRIMUS_MEMORY', reason: 'memory' });
    expect(large.error?.message).toContain('1001 bytes wait, 500 of them here (`maxMemory` is 1000)');
    expect(account.total).toBe(501);
  });

  it('sheds a holder that grows beyond the limit by itself', () => {
    const account = new MemoryAccount(1_000, 10);
    const holder = new Holder();
    account.set(holder, 1_001);
    expect(holder.error).toBeDefined();
    expect(account.total).toBe(0);
  });

  it('leaves a sixteenth to one address, and does not touch others', () => {
    const account = new MemoryAccount(16_000, 10);
    const other = new Holder('10.0.0.2');
    account.set(other, 900);
    const holders = [400, 500, 101].map((bytes) => {
      const holder = new Holder();
      account.set(holder, bytes);
      return holder;
    });
    expect(holders.map(({ error }) => error !== undefined)).toEqual([false, true, false]);
    expect(holders[1]?.error?.message).toContain('1001 bytes for one address wait');
    expect(other.error).toBeUndefined();
  });

  it('leaves room for two messages of one address however low the limit is', () => {
    const account = new MemoryAccount(8_000, 2_000);
    const [first, second, third] = [new Holder(), new Holder(), new Holder()];
    account.set(first, 2_000);
    account.set(second, 2_000);
    expect([first.error, second.error]).toEqual([undefined, undefined]);
    account.set(third, 1);
    expect(first.error).toBeDefined();
  });

  it('does not count against an address what the application wrote at once', () => {
    const account = new MemoryAccount(16_000, 10);
    const [reader, other] = [new Holder(), new Holder()];
    account.set(reader, 10_000, 500);
    account.set(other, 5_000, 500);
    expect([reader.error, other.error, account.total]).toEqual([undefined, undefined, 15_000]);
    account.set(other, 5_001, 501);
    expect(reader.error).toBeUndefined();
    expect(other.error?.message).toContain('1001 bytes for one address wait, 501 of them here');
  });

  it('has no limit when it is Infinity', () => {
    const account = new MemoryAccount(Number.POSITIVE_INFINITY, 10);
    const holder = new Holder();
    account.set(holder, 1e12);
    expect(holder.error).toBeUndefined();
  });

  it('is the sum of what its holders reported last, and never above the limit', () => {
    const report = fc.record({ of: fc.nat(9), bytes: fc.nat(300) });
    fc.assert(
      fc.property(fc.array(report, { maxLength: 100 }), (reports) => {
        const account = new MemoryAccount(3_200, 50);
        const holders = Array.from({ length: 10 }, (_, index) => new Holder(`10.0.0.${index % 3}`));
        const expected = new Map<Holder, number>();
        for (const { of, bytes } of reports) {
          const holder = holders[of] as Holder;
          expected.set(holder, bytes);
          account.set(holder, bytes);
          for (const each of holders) {
            if (each.error === undefined) continue;
            expected.delete(each);
            each.error = undefined;
          }
          const sum = [...expected.values()].reduce((all, each) => all + each, 0);
          expect(account.total).toBe(sum);
          expect(sum).toBeLessThanOrEqual(3_200);
          for (const ip of ['10.0.0.0', '10.0.0.1', '10.0.0.2']) {
            const ofAddress = [...expected].reduce((all, [{ ip: of }, each]) => all + (of === ip ? each : 0), 0);
            expect(ofAddress).toBeLessThanOrEqual(200);
          }
        }
        for (const holder of holders) account.delete(holder);
        expect(account.total).toBe(0);
      }),
    );
  });
});

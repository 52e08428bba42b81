import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { LinkError, Spark } from '../../src/index.js';
import { MemoryAccount, type MemoryHolder } from '../../src/server/memory.js';
import { Clock } from '../support/clock.js';
import { until } from '../support/wait.js';
import { World } from '../support/world.js';

class Holder implements MemoryHolder {
  readonly ip: string;
  error: LinkError | undefined;
  isSuspended = false;

  constructor(ip = '10.0.0.1') {
    this.ip = ip;
  }

  suspend(isSuspended: boolean): void {
    this.isSuspended = isSuspended;
  }

  shed(error: LinkError): void {
    this.error = error;
  }
}

/** An account with a share of 1,000 bytes for an address, and holders of one address. */
function create(limit = 16_000) {
  const clock = new Clock();
  const account = new MemoryAccount(limit, 10, clock);
  const holders = Array.from({ length: 4 }, () => new Holder()) as [Holder, Holder, Holder, Holder];
  return { clock, account, holders };
}

const suspended = (holders: readonly Holder[]) => holders.map(({ isSuspended }) => isSuspended);
const errors = (holders: readonly Holder[]) => holders.map(({ error }) => error !== undefined);

describe('the account of memory', () => {
  it('sheds the holder with the most when the sum exceeds the limit', () => {
    const account = new MemoryAccount(1_000, 1_000, new Clock());
    const holders = [300, 500, 201].map((bytes) => {
      const holder = new Holder();
      account.set(holder, 0, bytes);
      return holder;
    });
    expect(errors(holders)).toEqual([false, true, false]);
    expect(holders[1]?.error).toMatchObject({ code: 'ERR_PRIMUS_MEMORY', reason: 'memory' });
    expect(holders[1]?.error?.message).toContain('1001 bytes wait, 500 of them here (`maxMemory` is 1000)');
    expect(account.total).toBe(501);
  });

  it('sheds a holder that grows beyond the limit by itself', () => {
    const account = new MemoryAccount(1_000, 1_000, new Clock());
    const holder = new Holder();
    account.set(holder, 0, 1_001);
    expect(holder.error).toBeDefined();
    expect(account.total).toBe(0);
  });

  it('sheds the holder with the most unread bytes of an address beyond a sixteenth, and does not touch others', () => {
    const { account, holders } = create();
    const other = new Holder('10.0.0.2');
    account.set(other, 0, 900);
    for (const [index, bytes] of [400, 500, 101].entries()) account.set(holders[index] as Holder, 0, bytes);
    expect(errors([...holders, other])).toEqual([false, true, false, false, false]);
    expect(holders[1].error?.message).toContain('1001 bytes for one address wait, 500 of them here');
  });

  it('does not count against an address what the application wrote at once', () => {
    const { account, holders } = create();
    const [reader, other] = holders;
    account.set(reader, 0, 10_000, 500);
    account.set(other, 0, 5_000, 500);
    expect([errors(holders), account.total]).toEqual([[false, false, false, false], 15_000]);
    account.set(other, 0, 5_001, 501);
    expect(errors(holders)).toEqual([false, true, false, false]);
  });

  it('sheds those that grow and cannot wait while another one completes its messages', () => {
    const { account, holders } = create();
    const [first, second, third] = holders;
    Object.assign(second, { cannotWait: true });
    account.set(first, 500);
    account.set(third, 100);
    account.set(second, 400);
    expect(errors(holders)).toEqual([false, false, false, false]);
    account.set(second, 401);
    expect(errors(holders)).toEqual([false, true, false, false]);
    expect(second.error?.message).toContain('1001 bytes for one address wait, 401 of them here');
    expect(suspended(holders)).toEqual([false, false, false, false]);
  });

  it('sheds one that grows beyond the share alone, and cannot wait', () => {
    const { account, holders } = create();
    const [first] = holders;
    Object.assign(first, { cannotWait: true });
    account.set(first, 1_000);
    expect(first.error).toBeUndefined();
    account.set(first, 1_001);
    expect(first.error).toBeDefined();
  });

  describe('counts the garbage of long messages', () => {
    /** An account with a share of 1,250,000 bytes for an address, one of whose peers has just sent a message of 400,000. */
    function afterMessage() {
      const clock = new Clock();
      const account = new MemoryAccount(16_000_000, 1_000_000, clock);
      const [first, next] = [new Holder(), new Holder()];
      account.set(first, 400_000);
      account.set(first, 0);
      return { clock, account, first, next };
    }

    it('and reads from no peer of its address beyond the share, until it is collected, or for 100 ms', () => {
      const { clock, account, first, next } = afterMessage();
      account.set(next, 850_000);
      expect(suspended([first, next])).toEqual([false, false]);
      account.set(next, 850_001);
      expect(suspended([first, next])).toEqual([false, true]);
      clock.advance(99);
      expect(suspended([first, next])).toEqual([false, true]);
      clock.advance(1);
      expect(suspended([first, next])).toEqual([false, false]);
      expect(errors([first, next])).toEqual([false, false]);
      expect(account.total).toBe(850_001);
    });

    it('but not those of other addresses, nor slow consumers, nor peers that cannot wait', () => {
      const { account, next } = afterMessage();
      const other = new Holder('10.0.0.2');
      account.set(other, 900_000);
      account.set(next, 0, 900_000);
      const hasty = Object.assign(new Holder(), { cannotWait: true });
      account.set(hasty, 300_000);
      expect(suspended([other, next, hasty])).toEqual([false, false, false]);
      expect(errors([other, next, hasty])).toEqual([false, false, false]);
    });

    it('and leaves no timer when it was collected', async () => {
      const { clock, account, next } = afterMessage();
      account.set(next, 900_000);
      setFlagsFromString('--expose-gc');
      runInNewContext('gc')();
      await until(() => !next.isSuspended);
      expect(clock.pending).toBe(0);
    });
  });

  it('lets the peers of an address complete their messages one after the other beyond its share', () => {
    const { account, holders } = create();
    for (const holder of holders) account.set(holder, 300);
    expect(suspended(holders)).toEqual([false, false, false, true]);
    account.set(holders[0], 600);
    account.set(holders[1], 400);
    account.set(holders[2], 350);
    expect(suspended(holders)).toEqual([false, true, true, true]);
    account.set(holders[0], 0);
    // 1,050 bytes are left: the next one goes on.
    expect(suspended(holders)).toEqual([false, false, true, true]);
    expect(errors(holders)).toEqual([false, false, false, false]);
  });

  it('reads from the next one when the first has completed, while the others exceed the share', () => {
    const { account, holders } = create();
    for (const holder of holders) account.set(holder, 500);
    expect(suspended(holders)).toEqual([false, false, true, true]);
    account.set(holders[1], 600);
    account.set(holders[1], 0);
    expect(suspended(holders)).toEqual([false, false, true, true]);
    account.set(holders[0], 0);
    expect(suspended(holders)).toEqual([false, false, false, false]);
  });

  it('sheds the one that has sent the most when the others have waited for ten seconds', () => {
    const { clock, account, holders } = create();
    for (const holder of holders) account.set(holder, 300);
    clock.advance(9_999);
    expect(errors(holders)).toEqual([false, false, false, false]);
    clock.advance(1);
    expect(errors(holders)).toEqual([true, false, false, false]);
    expect(suspended(holders)).toEqual([false, false, false, false]);
    expect(clock.pending).toBe(0);
  });

  it('sheds one after the other until the address is within its share', () => {
    const { clock, account, holders } = create();
    for (const holder of holders) account.set(holder, 900);
    clock.advance(10_000);
    expect(errors(holders).filter(Boolean)).toHaveLength(1);
    clock.advance(20_000);
    expect(errors(holders).filter(Boolean)).toHaveLength(3);
    expect([suspended(holders).filter(Boolean), clock.pending]).toEqual([[], 0]);
  });

  it('reads again from one whose message was completed by what had arrived', () => {
    const { account, holders } = create();
    for (const holder of holders) account.set(holder, 300);
    expect(holders[3].isSuspended).toBe(true);
    account.set(holders[3], 0);
    expect(holders[3].isSuspended).toBe(false);
  });

  it('has no timer when nothing waits', () => {
    const { clock, account, holders } = create();
    for (const holder of holders) account.set(holder, 300);
    for (const holder of holders) account.delete(holder);
    expect([clock.pending, account.total]).toEqual([0, 0]);
  });

  it('has no limit when it is Infinity', () => {
    const { account, holders } = create(Number.POSITIVE_INFINITY);
    account.set(holders[0], 1e12, 1e12);
    expect(holders[0].error).toBeUndefined();
  });

  it('is the sum of what its holders reported last, never above the limit, and some peer of each address is read from', () => {
    const report = fc.record({ of: fc.nat(9), incoming: fc.nat(300), outgoing: fc.nat(300) });
    fc.assert(
      fc.property(fc.array(report, { maxLength: 100 }), (reports) => {
        const account = new MemoryAccount(3_200, 50, new Clock());
        const holders = Array.from({ length: 10 }, (_, index) => new Holder(`10.0.0.${index % 3}`));
        const expected = new Map<Holder, number>();
        for (const { of, incoming, outgoing } of reports) {
          const holder = holders[of] as Holder;
          expected.set(holder, incoming + outgoing);
          account.set(holder, incoming, outgoing);
          for (const each of holders) {
            if (each.error === undefined) continue;
            expected.delete(each);
            each.error = undefined;
          }
          const sum = [...expected.values()].reduce((all, each) => all + each, 0);
          expect(account.total).toBe(sum);
          expect(sum).toBeLessThanOrEqual(3_200);
          for (const ip of ['10.0.0.0', '10.0.0.1', '10.0.0.2']) {
            const waiting = holders.filter((each) => each.ip === ip && (expected.get(each) ?? 0) > 0);
            expect(waiting.length === 0 || waiting.some(({ isSuspended }) => !isSuspended)).toBe(true);
          }
        }
        for (const holder of holders) account.delete(holder);
        expect(account.total).toBe(0);
      }),
    );
  });
});

describe('a message that has waited for its turn', () => {
  it('counts until it was handed out, as a collection before that finds it in use', async () => {
    const set = vi.spyOn(MemoryAccount.prototype, 'set');
    const world = new World({ server: { pingInterval: false } });
    try {
      const peer = world.connect();
      await world.pass(100);
      const totals: number[] = [];
      const account = () => set.mock.contexts.at(-1) as MemoryAccount | undefined;
      (world.findSpark(peer) as Spark).on('data', () => {
        totals.push(account()?.total ?? 0);
        // The turn has no time left for the next one.
        for (const end = performance.now() + 60; performance.now() < end; );
      });
      for (let count = 0; count < 2; count++) peer.client.write('x'.repeat(300_000));
      await world.pass(100);
      await until(() => totals.length === 2);
      await until(() => account()?.total === 0);
      expect(totals[0]).toBe(0);
      expect(totals[1]).toBeGreaterThan(300_000);
    } finally {
      set.mockRestore();
      await world.destroy();
    }
  });
});

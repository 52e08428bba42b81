import { describe, expect, it } from 'vitest';
import { memory } from '../../src/cluster/backplanes/memory.js';
import { MemoryLog } from '../../src/cluster/backplanes/memory-log.js';
import type { BusContext, Log } from '../../src/cluster/bus.js';
import { backplaneContract } from '../../src/testing.js';
import { Clock } from '../support/clock.js';

describe('the memory backplane', () => {
  it.each(backplaneContract)('$name', async ({ run }) => {
    await expect(run(memory())).resolves.toBeUndefined();
  });
});

const bytes = (text: string) => new TextEncoder().encode(text);
const HOUR = 3_600_000;

function open(clock: Clock, backplane = memory()) {
  const context: BusContext = { node: 'a', scheduler: clock, report: () => {}, lost: () => {} };
  const bus = backplane.open(context);
  return { bus, log: bus.log as Log };
}

it('keeps entries for their time to live, by the clock of the server', async () => {
  const clock = new Clock();
  const { bus, log } = open(clock);
  const { epoch } = (await log.read('news', 'head', 1)).head;
  await log.append('news', bytes('a'), { size: 10, ttl: 1000 });
  clock.advance(600);
  await log.append('news', bytes('b'), { size: 10, ttl: 1000 });
  clock.advance(399);
  expect((await log.read('news', { epoch, offset: 0 }, 10)).entries).toHaveLength(2);
  clock.advance(1);
  const { entries, whole, head } = await log.read('news', { epoch, offset: 0 }, 10);
  expect([entries.map(({ at }) => at?.offset), whole, head]).toEqual([[2], false, { epoch, offset: 2 }]);
  await bus.close();
});

it('applies a shorter time to live to the entries before it', async () => {
  const clock = new Clock();
  const { bus, log } = open(clock);
  const first = await log.append('news', bytes('a'), { size: 10, ttl: HOUR });
  clock.advance(1000);
  await log.append('news', bytes('b'), { size: 10, ttl: 500 });
  expect((await log.read('news', { ...first, offset: 0 }, 10)).entries.map(({ at }) => at?.offset)).toEqual([2]);
  await bus.close();
});

it('forgets a topic an hour after its last entry has expired, and begins another epoch', async () => {
  const clock = new Clock();
  const { bus, log } = open(clock);
  const { epoch, offset } = await log.append('news', bytes('a'), { size: 10, ttl: 1000 });
  clock.advance(HOUR - 1000);
  expect(await log.read('news', { epoch, offset }, 10)).toEqual({ entries: [], whole: true, head: { epoch, offset } });
  clock.advance(HOUR + 30_000);
  const read = await log.read('news', { epoch, offset }, 10);
  expect([read.whole, read.head.offset]).toEqual([false, 0]);
  expect(read.head.epoch).not.toBe(epoch);
  await bus.close();
});

it('does not forget a topic with listeners', async () => {
  const clock = new Clock();
  const { bus, log } = open(clock);
  await bus.listen(['news']);
  const { epoch } = await log.append('news', bytes('a'), { size: 10, ttl: 1000 });
  clock.advance(2 * HOUR);
  expect(await log.append('news', bytes('b'), { size: 10, ttl: 1000 })).toEqual({ epoch, offset: 2 });
  await bus.close();
});

it('runs no timer after the last bus was closed', async () => {
  const clock = new Clock();
  const backplane = memory();
  const [first, second] = [open(clock, backplane), open(clock, backplane)];
  await first.log.append('news', bytes('a'), { size: 10, ttl: HOUR });
  await Promise.all([first.bus.close(), second.bus.close()]);
  expect(clock.pending).toBe(0);
});

it('has another epoch than every other backplane', async () => {
  const clock = new Clock();
  const [left, right] = [open(clock), open(clock)];
  const [a, b] = await Promise.all([left, right].map(({ log }) => log.append('news', bytes('a'), { size: 1, ttl: 1000 })));
  expect(a?.epoch).not.toBe(b?.epoch);
  await Promise.all([left.bus.close(), right.bus.close()]);
});

it('remembers no topic without entries, and gives it the same position again', async () => {
  const used = new Set(['used']);
  const log = new MemoryLog((topic) => used.has(topic));
  const keep = { size: 1, ttl: 1000 };
  for (let number = 0; number < 1_000; number++) log.read(`news${number}`, 'head', 1, 0);
  expect(log.size).toBe(0);
  const { head } = log.read('used', 'head', 1, 0);
  used.clear();
  log.leave('used');
  expect(log.size).toBe(0);
  expect(log.read('used', head, 1, 0)).toEqual({ entries: [], head, whole: true });
  log.append('used', bytes('a'), keep, 0);
  log.leave('used');
  expect(log.read('used', head, 1, 0)).toMatchObject({ whole: true, head: { ...head, offset: 1 } });
});

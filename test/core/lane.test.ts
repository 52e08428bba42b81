import { describe, expect, it } from 'vitest';
import { Lane } from '../../src/core/lane.js';
import { settle } from '../support/clock.js';

/** A step that answers when it is released. */
function late(): { step: () => Promise<void>; release: () => void } {
  let release = () => {};
  const promise = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { step: () => promise, release };
}

/** Waits until all steps of a lane that were added so far have run. */
function drained(lane: Lane): Promise<void> {
  return new Promise((resolve) => lane.add(resolve));
}

describe('Lane', () => {
  it('runs a step at once when no step before it is waiting', () => {
    const log: string[] = [];
    const lane = new Lane();
    lane.add(() => log.push('a'));
    log.push('returned');
    expect(log).toEqual(['a', 'returned']);
  });

  it('begins each step when the one before it has answered', async () => {
    const log: string[] = [];
    const lane = new Lane();
    const first = late();
    const second = late();
    lane.add(first.step);
    lane.add(() => log.push('a'));
    lane.add(() => {
      log.push('b begins');
      return second.step().then(() => log.push('b answers'));
    });
    lane.add(() => log.push('c'));
    expect(log).toEqual([]);

    second.release();
    first.release();
    await drained(lane);
    expect(log).toEqual(['a', 'b begins', 'b answers', 'c']);
  });

  it('runs a step that another step adds behind all that are waiting', async () => {
    const log: string[] = [];
    const lane = new Lane();
    const first = late();
    lane.add(first.step);
    lane.add(() => lane.add(() => log.push('added')));
    lane.add(() => log.push('waiting'));
    first.release();
    await drained(lane);
    expect(log).toEqual(['waiting', 'added']);
  });

  it('runs 100,000 steps behind a late one without growing the stack', async () => {
    const lane = new Lane();
    const first = late();
    const order: number[] = [];
    lane.add(first.step);
    for (let index = 0; index < 100_000; index++) lane.add(() => order.push(index));
    first.release();
    await drained(lane);
    expect(order).toHaveLength(100_000);
    expect(order.every((value, index) => value === index)).toBe(true);
  });

  it('reports pressure with the 17th step that is waiting or running, and its end once none is', async () => {
    const pressures: boolean[] = [];
    const lane = new Lane((high) => pressures.push(high));
    const first = late();
    lane.add(first.step);
    for (let steps = 2; steps <= 16; steps++) lane.add(() => {});
    expect(pressures).toEqual([]);
    lane.add(() => {});
    lane.add(() => {});
    expect(pressures).toEqual([true]);

    // The last step is still running: the pressure has not ended.
    const end = drained(lane).then(() => [...pressures]);
    first.release();
    expect(await end).toEqual([true, false]);
  });

  it('reports no pressure while each step answers at once', () => {
    const pressures: boolean[] = [];
    const lane = new Lane((high) => pressures.push(high));
    for (let steps = 0; steps < 100; steps++) lane.add(() => {});
    expect(pressures).toEqual([]);
  });

  it('takes no more steps once it is closed, and runs those that are waiting', async () => {
    const log: string[] = [];
    const lane = new Lane();
    const first = late();
    lane.add(first.step);
    lane.add(() => log.push('before'));
    const end = drained(lane);
    lane.close();
    lane.add(() => log.push('after'));
    first.release();
    await end;
    lane.add(() => log.push('much later'));
    expect(log).toEqual(['before']);
  });

  it('runs nothing once it is stopped, not even what follows the step under way, and reports the end of pressure', async () => {
    const ran: unknown[] = [];
    const lane = new Lane((high) => ran.push(high));
    let answer = (_next: () => void) => {};
    lane.add(() => new Promise<() => void>((resolve) => (answer = resolve)));
    for (let n = 0; n < 20; n++) lane.add(() => ran.push(n));
    lane.stop();
    answer(() => ran.push('late'));
    await settle();
    expect(ran).toEqual([true, false]);
  });

  it('runs nothing behind a step that stops it', () => {
    const ran: number[] = [];
    const lane: Lane = new Lane();
    lane.add(() => {
      lane.add(() => ran.push(1));
      lane.stop();
    });
    expect(ran).toEqual([]);
  });

  it('runs the step that a late answer is before the steps that wait', async () => {
    const ran: string[] = [];
    const lane = new Lane();
    lane.add(async () => async () => {
      ran.push('first');
      return () => ran.push('second');
    });
    lane.add(() => ran.push('third'));
    await settle();
    expect(ran).toEqual(['first', 'second', 'third']);
  });
});

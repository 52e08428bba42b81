import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fewOfTurn, runLater } from '../../src/server/turn.js';
import { until } from '../support/wait.js';

describe('a turn of the event loop', () => {
  let now = performance.now();

  beforeEach(() => {
    vi.spyOn(performance, 'now').mockImplementation(() => now);
  });

  afterEach(() => {
    vi.restoreAllMocks();
  });

  /** Work with so many messages, each of which takes so many ms. */
  function work(name: string, messages: number, { length = 10, duration = 0 }, log: string[]): () => void {
    let left = messages;
    const run = () => {
      const exceeds = fewOfTurn();
      let count = 0;
      while (left > 0) {
        left--;
        count++;
        now += duration;
        if (left > 0 && exceeds(length)) {
          runLater(run);
          break;
        }
      }
      log.push(`${name} ${count}`);
    };
    return run;
  }

  it('has few messages of each connection while others wait', async () => {
    const log: string[] = [];
    runLater(work('a', 30, {}, log));
    runLater(work('b', 100, {}, log));
    runLater(work('c', 1, {}, log));
    await until(() => log.length === 5);
    // Behind the others it need not leave off.
    expect(log).toEqual(['a 16', 'b 16', 'c 1', 'a 14', 'b 84']);
  });

  it('has fewer of them when they are long', async () => {
    const log: string[] = [];
    runLater(work('a', 8, { length: 28_672 }, log));
    runLater(work('b', 1, {}, log));
    await until(() => log.length === 3);
    expect(log).toEqual(['a 2', 'b 1', 'a 6']);
  });

  it('ends when it has taken too long, also for one that is alone', async () => {
    const log: string[] = [];
    runLater(work('a', 100, { duration: 1 }, log));
    await until(() => log.length === 3);
    // The clock is read every four messages.
    for (const entry of log.slice(0, 2)) expect(['a 40', 'a 44']).toContain(entry);
  });

  it('ends a tick behind each work, so that what it has written leaves', async () => {
    const log: string[] = [];
    for (const name of ['a', 'b'])
      runLater(() => {
        log.push(name);
        process.nextTick(() => log.push(`written by ${name}`));
      });
    await until(() => log.length === 4);
    expect(log).toEqual(['a', 'written by a', 'b', 'written by b']);
  });

  it('has few works, in order, however many wait', async () => {
    const log: number[] = [];
    let turns = 0;
    const count = () => {
      turns++;
      if (log.length < 1_000) setImmediate(count);
    };
    for (let index = 0; index < 1_000; index++) runLater(() => log.push(index));
    setImmediate(count);
    await until(() => log.length === 1_000);
    expect(log).toEqual(Array.from({ length: 1_000 }, (_, index) => index));
    expect(turns).toBe(4);
  });

  it('has time for what waits, however long it took to read what has arrived', async () => {
    const log: string[] = [];
    work('read', 200, { duration: 1 }, log)();
    runLater(work('b', 16, { duration: 1 }, log));
    now += 1_000;
    await until(() => log.filter((entry) => entry.startsWith('b')).length === 1);
    expect(log.slice(1, 3)).toEqual(['read 16', 'b 16']);
  });
});

import { concat, defer, of, throwError, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { exponential } from '../../operators/exponential.js';
import { reconnect } from '../../operators/reconnect.js';
import { randomFrom } from './random.js';

const MIN = 500;

/** The largest number of `times` within any window of so many ms. */
function peak(times: readonly number[], width: number): number {
  const sorted = Float64Array.from(times).sort();
  let most = 0;
  let first = 0;
  for (const [last, time] of sorted.entries()) {
    while (time - (sorted[first] ?? time) >= width) first++;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

/**
 * Simulates clients of a server that drops them all at 0 and refuses them until it is back; returns the times of their attempts.
 * Each client has a virtual clock of its own: a common one would sort 10,000 timers for each new timer.
 */
function storm(clients: number, back: number): { attempts: number[]; connected: number } {
  const policy = exponential({ random: randomFrom(clients), min: MIN });
  const attempts: number[] = [];
  let connected = 0;

  for (let client = 0; client < clients; client++) {
    const scheduler = new VirtualTimeScheduler();
    const connections = [
      concat(
        of('open'),
        throwError(() => 'restart'),
      ),
    ];
    const connection$ = defer(() => connections.pop() ?? (scheduler.now() < back ? throwError(() => 'refused') : of('open')));
    connection$.pipe(reconnect({ policy, scheduler })).subscribe({
      next: (event) => event.type === 'connecting' && event.attempt && attempts.push(scheduler.now()),
      complete: () => connected++,
    });
    scheduler.flush();
  }
  return { attempts, connected };
}

describe('a server that restarts', () => {
  it.each([
    ['at once', 0],
    ['after 3 s', 3000],
  ])('%s gets at most a quarter of the attempts of 10,000 clients within any 100 ms', (_, back) => {
    const { attempts, connected } = storm(10_000, back);
    expect(connected).toBe(10_000);
    expect(attempts.length).toBeGreaterThanOrEqual(10_000);
    expect(peak(attempts, 100) / attempts.length).toBeLessThanOrEqual(0.25);
  });

  it('gets the first attempts of 100,000 clients at an even rate', async ({ annotate }) => {
    const policy = exponential({ random: randomFrom(7), min: MIN });
    const times = Array.from({ length: 100_000 }, () => Number(policy(1)));
    // By a hundredth of the spread: a rate per second that a whole second cannot hide a peak from.
    const width = MIN / 100;
    const rate = { mean: times.length / MIN, peak: peak(times, width) / width };

    await annotate(`${1000 * rate.peak} attempts a second at the peak, ${1000 * rate.mean} in the mean`);
    expect(times.every((time) => time >= MIN && time <= 2 * MIN)).toBe(true);
    expect(rate.peak / rate.mean).toBeLessThanOrEqual(2);
  });

  it('gets all attempts at once without jitter, which these tests detect', () => {
    const policy = exponential({ random: () => 0.5, min: MIN });
    const times = Array.from({ length: 1000 }, () => Number(policy(1)));
    expect(peak(times, 100) / times.length).toBe(1);
  });
});

import { Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Exchange } from '../../src/server/http/host.js';
import { spreadOverTurns } from '../../src/server/http/spread-over-turns.js';
import { block } from '../support/block.js';
import { until } from '../support/wait.js';

const exchange = (kind: 'request' | 'upgrade', url: string) => ({ kind, request: { url } }) as Exchange;

describe('spreadOverTurns', () => {
  it('emits what a turn has no time for in later turns, in order, but upgrades at once', async () => {
    const source = new Subject<Exchange>();
    const seen: string[] = [];
    let turns = 0;
    source.pipe(spreadOverTurns(() => {})).subscribe(({ kind, request }) => {
      if (kind === 'request') block(10);
      seen.push(request.url as string);
    });
    // The clock of a turn begins with its first message.
    await new Promise((resolve) => setImmediate(resolve));
    for (let index = 0; index < 30; index++) source.next(exchange('request', `${index}`));
    source.next(exchange('upgrade', 'upgrade'));
    expect(seen.length).toBeLessThan(15);
    expect(seen.at(-1)).toBe('upgrade');
    const count = () => {
      turns++;
      if (seen.length < 31) setImmediate(count);
    };
    setImmediate(count);
    await until(() => seen.length === 31);
    expect(seen.filter((url) => url !== 'upgrade')).toEqual(Array.from({ length: 30 }, (_, index) => `${index}`));
    expect(turns).toBeGreaterThan(1);
  });

  it('hands the requests to `late` whose turn comes after the end', async () => {
    const source = new Subject<Exchange>();
    const seen: string[] = [];
    const late: string[] = [];
    const subscription = source.pipe(spreadOverTurns(({ request }) => late.push(request.url as string))).subscribe(({ request }) => {
      block(60);
      seen.push(request.url as string);
    });
    await new Promise((resolve) => setImmediate(resolve));
    for (let index = 0; index < 5; index++) source.next(exchange('request', `${index}`));
    const before = seen.length;
    expect(before).toBeLessThan(5);
    subscription.unsubscribe();
    await until(() => seen.length + late.length === 5);
    expect(seen).toHaveLength(before);
    expect(late).toHaveLength(5 - before);
  });
});

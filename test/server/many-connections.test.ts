import { createServer, type IncomingMessage } from 'node:http';
import { lastValueFrom, NEVER, type Observer, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type Arrival, type Frame, type Link, Primus, type Spark } from '../../src/index.js';
import { cleanup, until } from '../support/serve.js';
import { watchForCrashes } from './crashes.js';

watchForCrashes();

const COUNT = 20_000;

/** The longest time that other work may wait, in ms: generous, as other programs may have the processor. The aim is 100 ms. */
const STALL = 3_000;

/** A link that costs next to nothing. It counts its frames, and its client closes when it is asked to reconnect. */
class CountingLink implements Link {
  readonly bufferedAmount = 0;
  readonly socket = this;
  frames = 0;
  private observer: Partial<Observer<Frame>> = {};

  subscribe(observer: Partial<Observer<Frame>>) {
    this.observer = observer;
    return { unsubscribe() {} };
  }

  send(frame: Frame): void {
    this.frames++;
    if (String(frame).includes('server::retry')) this.close();
  }

  close(): void {
    queueMicrotask(() => this.observer.complete?.());
  }

  destroy(): void {
    this.close();
  }
}

/** A server with 20,000 connections. */
async function connectAll() {
  const arrivals = new Subject<Arrival>();
  const transformer = { name: 'counting', server: { listen: () => arrivals }, client: { connect: () => NEVER } };
  const primus = new Primus(createServer(), { transformer, pingInterval: false });
  cleanup(() => new Promise<void>((resolve) => primus.destroy(resolve)));
  const socket = { remoteAddress: '127.0.0.1', remotePort: 1 };
  const request = { url: '/primus', headers: {}, socket } as unknown as IncomingMessage;
  const links = Array.from({ length: COUNT }, () => new CountingLink());
  for (const link of links) arrivals.next({ link, request });
  await until(() => primus.connected === COUNT);
  return { primus, links };
}

/** Measures the longest turn of the event loop until the promise is resolved, in ms. */
async function stallOf(work: () => unknown): Promise<number> {
  let longest = 0;
  let last = performance.now();
  let isOver = false;
  const measured = new Promise<number>((resolve) => {
    function turn(): void {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
      if (isOver) resolve(longest);
      else setImmediate(turn);
    }
    setImmediate(turn);
  });
  await work();
  isOver = true;
  return measured;
}

describe('a server with 20,000 connections', () => {
  it('goes through them with forEach, whose steps answer at once, later, or both', async () => {
    const { primus } = await connectAll();
    const ids = new Set<string>();
    primus.forEach((_spark, id) => void ids.add(id));
    expect(ids.size).toBe(COUNT);
    const ways: ((spark: Spark, next: () => void) => void)[] = [
      (_spark, next) => next(),
      (_spark, next) => void setImmediate(next),
      (spark, next) => (spark.id.charCodeAt(0) % 2 ? next() : void queueMicrotask(next)),
    ];
    for (const way of ways) {
      let count = 0;
      const stall = await stallOf(
        () =>
          new Promise<void>((resolve, reject) => {
            primus.forEach(
              (spark, next) => {
                count++;
                way(spark, next);
              },
              (error) => (error ? reject(error) : resolve()),
            );
          }),
      );
      expect(count).toBe(COUNT);
      expect(stall).toBeLessThan(STALL);
    }
  });

  it('sends a broadcast to each once', async () => {
    const { primus, links } = await connectAll();
    expect(await stallOf(() => primus.write({ news: 1 }))).toBeLessThan(STALL);
    expect(links.every(({ frames }) => frames === 1)).toBe(true);
  });

  it.each([{ reconnect: true }, { reconnect: false }])('is destroyed in slices: %j', async (options) => {
    const { primus } = await connectAll();
    let left = 0;
    primus.on('disconnection', () => left++);
    expect(await stallOf(() => new Promise<void>((resolve) => primus.destroy(options, resolve)))).toBeLessThan(STALL);
    expect([left, primus.connected]).toEqual([COUNT, 0]);
  });

  it('is drained in slices, however short the time is', async () => {
    const { primus, links } = await connectAll();
    let ended = 0;
    primus.on('disconnection', () => ended++);
    const steps: number[] = [0];
    const drained = lastValueFrom(primus.drain({ over: 0 }));
    const counting = setInterval(() => steps.push(ended), 0);
    const stall = await stallOf(() => drained);
    clearInterval(counting);
    expect(await drained).toMatchObject({ remaining: 0, ended: COUNT });
    expect(stall).toBeLessThan(STALL);
    expect(links.every(({ frames }) => frames === 1)).toBe(true);
    // Others had a turn in between.
    expect(new Set(steps).size).toBeGreaterThan(10);
  });
});

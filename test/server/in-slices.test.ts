import { afterEach, describe, expect, it, vi } from 'vitest';
import { inSlices } from '../../src/server/in-slices.js';
import { event, serve, until } from '../support/serve.js';

afterEach(() => {
  vi.restoreAllMocks();
});

/** A clock that a slice is over by whenever it is looked at. */
function hurry(): void {
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => {
    now += 1_000;
    return now;
  });
}

describe('inSlices', () => {
  it('does a small amount of work at once', () => {
    const seen: number[] = [];
    const done = vi.fn();
    const later = vi.fn();
    inSlices([1, 2, 3], (item) => seen.push(item), { done, later });
    expect(seen).toEqual([1, 2, 3]);
    expect(done).toHaveBeenCalledOnce();
    expect(later).not.toHaveBeenCalled();
  });

  it('continues in later turns, in order, and calls back when all is done', () => {
    hurry();
    const seen: number[] = [];
    const turns: (() => void)[] = [];
    const done = vi.fn();
    const items = [1, 2, 3];
    inSlices(items, (item) => seen.push(item), { done, later: (work) => turns.push(work) });

    for (const count of [1, 2, 3]) {
      expect(seen).toEqual(items.slice(0, count));
      expect(done).not.toHaveBeenCalled();
      turns.shift()?.();
    }
    expect(done).toHaveBeenCalledOnce();
    expect(turns).toEqual([]);
  });
});

describe('inSlices, when something throws', () => {
  it('throws, and does the rest in a later turn', () => {
    const seen: number[] = [];
    const turns: (() => void)[] = [];
    const act = (item: number) => {
      if (item === 2) throw new Error('broken');
      seen.push(item);
    };
    expect(() => inSlices([1, 2, 3], act, { later: (work) => turns.push(work) })).toThrow('broken');
    turns.shift()?.();
    expect(seen).toEqual([1, 3]);
    expect(turns).toEqual([]);
  });
});

describe('a broadcast that takes several turns', () => {
  const SIZE = 150;

  async function connectAll() {
    const { primus, connect } = await serve();
    const clients = Array.from({ length: SIZE }, () => connect());
    const received = clients.map((client) => {
      const messages: unknown[] = [];
      client.on('data', (message: unknown) => messages.push(message));
      return messages;
    });
    await until(() => primus.connected === SIZE);
    return { primus, clients, received };
  }

  it('reaches every client once and in order, as do later messages and the end', async () => {
    const { primus, received } = await connectAll();
    hurry();
    primus.write('first');
    primus.write('second');
    await new Promise((resolve) => process.nextTick(resolve));
    primus.write('third');
    primus.forEach((spark) => void spark.end('farewell'));
    vi.restoreAllMocks();
    await until(() => primus.connected === 0);
    await until(() => received.every((messages) => messages.length === 4));
    expect(new Set(received.map(String))).toEqual(new Set(['first,second,third,farewell']));
  });

  it('does not keep a client connected when the server is destroyed', async () => {
    const { primus, clients } = await connectAll();
    const ended = clients.map((client) => event(client, 'end'));
    hurry();
    const destroyed = new Promise<void>((resolve) => primus.destroy({}, resolve));
    await new Promise((resolve) => process.nextTick(resolve));
    vi.restoreAllMocks();
    await Promise.all([destroyed, ...ended]);
    expect(primus.connected).toBe(0);
  });
});

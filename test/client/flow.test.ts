import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Dropped, type Flow, flow } from '../../src/flow.js';
import type { ServerOptions, Spark } from '../../src/index.js';
import { settle } from '../support/clock.js';
import { World } from '../support/world.js';

const KILOBYTE = 'x'.repeat(1022);
const MARK = 10_240;

let world: World;

afterEach(() => world.destroy());

/** Both ends of a connection, and their flows, in virtual time. */
async function pair(server: ServerOptions = {}, highWaterMark = MARK) {
  world = new World({ server });
  const { client } = world.connect({ queueBytes: 100_000 });
  await world.pass(0);
  const spark = Object.values(world.primus.connections)[0] as Spark;
  return { client, spark, up: flow(client, { highWaterMark }), down: flow(spark, { highWaterMark }) };
}

/** Writes kilobytes as long as the flow has room, up to a megabyte. Returns how many. */
function fill({ write }: { write: (data: string) => unknown }, gate: Flow): number {
  let count = 0;
  while (!gate.isFull && count < 1000) {
    write(KILOBYTE);
    count++;
  }
  return count;
}

describe('flow', () => {
  it('is the same object for the same client or spark', async () => {
    const { client, spark, up, down } = await pair();
    expect(flow(client)).toBe(up);
    expect(flow(spark)).toBe(down);
    expect([up.highWaterMark, down.highWaterMark]).toEqual([MARK, MARK]);
  });

  it('has a mark of 256 kB by default, and for a spark at most a quarter of maxBuffer', async () => {
    const { client, spark } = await (async () => {
      world = new World({ server: { maxBuffer: 400_000 } });
      const peer = world.connect();
      await world.pass(0);
      return { client: peer.client, spark: Object.values(world.primus.connections)[0] as Spark };
    })();
    expect(flow(client).highWaterMark).toBe(262_144);
    expect(flow(spark, { highWaterMark: 1e9 }).highWaterMark).toBe(100_000);
  });

  it.each([undefined, null, {}, 'x'])('throws ERR_PRIMUS_OPTION for %o, which is no client', async (odd) => {
    await pair();
    expect(() => flow(odd as never)).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
  });

  it.each([0, -1, '1'])('throws ERR_PRIMUS_OPTION for the highWaterMark %o', async (highWaterMark) => {
    const { client } = await pair();
    expect(() => flow(client, { highWaterMark } as never)).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
  });
});

describe.each(['client', 'spark'] as const)('the flow of a %s', (from) => {
  async function ends(server?: ServerOptions) {
    const { client, spark, up, down } = await pair(server);
    return from === 'client'
      ? { writer: client, reader: spark, gate: up as Flow, inlet: down as Flow }
      : { writer: spark, reader: client, gate: down as Flow, inlet: up as Flow };
  }
  const write = (writer: { write(data: unknown): boolean }) => ({ write: (data: unknown) => writer.write(data) });

  it('is full above the mark, and drained when half of it has left', async () => {
    const { writer, gate, inlet } = await ends();
    inlet.pause();
    expect(gate.isFull).toBe(false);
    expect(fill(write(writer), gate)).toBe(11);
    expect(gate.bufferedAmount).toBe(11 * 1024);
    const drained = vi.fn();
    void gate.drained().then(drained);
    await world.pass(1000);
    expect(drained).not.toHaveBeenCalled();
    inlet.resume();
    await world.pass(1000);
    expect(drained).toHaveBeenCalledTimes(1);
    expect(gate.bufferedAmount).toBe(0);
    await gate.drained();
  });

  it('drains when the end has come', async () => {
    const { writer, gate, inlet } = await ends();
    inlet.pause();
    fill(write(writer), gate);
    const drained = gate.drained();
    writer.end();
    await world.pass(0);
    await drained;
    expect(gate.isFull).toBe(false);
  });

  it('emits whether writers may write', async () => {
    const { writer, gate, inlet } = await ends();
    const seen: boolean[] = [];
    const subscription = gate.ready$.subscribe((isReady) => seen.push(isReady));
    inlet.pause();
    fill(write(writer), gate);
    expect(seen).toEqual([true, false]);
    inlet.resume();
    await world.pass(1000);
    expect(seen).toEqual([true, false, true]);
    subscription.unsubscribe();
    inlet.pause();
    fill(write(writer), gate);
    expect(seen).toHaveLength(3);
  });

  it('slows the writer down with a loop that is slow, and loses nothing', async () => {
    const { writer, gate, inlet } = await ends();
    let written = 0;
    const writing = (async () => {
      for (; written < 200; written++) {
        writer.write({ written, KILOBYTE });
        await gate.drained();
      }
      writer.end();
    })();
    const seen: number[] = [];
    let most = 0;
    const reading = (async () => {
      for await (const { written: number } of inlet as Flow<{ written: number }>) {
        most = Math.max(most, written - seen.length);
        seen.push(number);
        await new Promise<void>((resolve) => void world.clock.schedule(() => resolve(), 100));
      }
    })();
    await world.pass(60_000);
    await Promise.all([writing, reading]);
    expect(seen).toEqual(Array.from({ length: 200 }, (_, number) => number));
    // The mark of both ends, and a few messages.
    expect(most).toBeLessThan((2 * MARK) / 1024 + 5);
  });

  it('slows the writer down with a Web Stream that is slow, to the source', async () => {
    const { writer, gate, inlet } = await ends();
    let produced = 0;
    const source = new ReadableStream<string>(
      {
        pull(controller) {
          if (produced++ < 200) controller.enqueue(KILOBYTE);
          else controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    const seen: unknown[] = [];
    let most = 0;
    const target = new WritableStream({
      async write(data) {
        most = Math.max(most, produced - seen.length);
        seen.push(data);
        await new Promise<void>((resolve) => void world.clock.schedule(() => resolve(), 100));
      },
    });
    const done = Promise.all([source.pipeTo(gate.writable), inlet.readable.pipeTo(target)]);
    await world.pass(60_000);
    await done;
    expect(seen).toHaveLength(200);
    expect(most).toBeLessThan((2 * MARK) / 1024 + 6);
    expect(writer.readyState).toBe(2);
  });

  it('gives streams that close nothing when they are cancelled, and new ones after that', async () => {
    const { writer, inlet } = await ends();
    const first = inlet.readable;
    expect(inlet.readable).toBe(first);
    await first.cancel();
    const reader = inlet.readable.getReader();
    writer.write('hello');
    await world.pass(10);
    expect(await reader.read()).toEqual({ done: false, value: 'hello' });
    writer.end();
    await world.pass(10);
    expect(await reader.read()).toEqual({ done: true, value: undefined });
  });

  it('rejects what is written to a stream after the end', async () => {
    const { writer, gate } = await ends();
    const stream = gate.writable.getWriter();
    stream.closed.catch(() => {});
    await stream.write('before');
    writer.end();
    await world.pass(10);
    await expect(stream.write('after')).rejects.toMatchObject({ code: 'ERR_PRIMUS_CLOSED' });
  });

  it('stays paused until every reader takes messages again', async () => {
    const { writer, gate, inlet } = await ends();
    const reader = inlet.readable.getReader();
    inlet.pause();
    const count = fill(write(writer), gate);
    await world.pass(100);
    expect(gate.bufferedAmount).toBe(count * 1024);
    inlet.resume();
    await world.pass(100);
    expect(gate.bufferedAmount).toBeLessThan(3 * 1024);
    for (let at = 0; at < count; at++) {
      const reading = reader.read();
      await world.pass(100);
      expect((await reading).value).toBe(KILOBYTE);
    }
  });

  it('drops volatile messages while it is full, and says so', async () => {
    const { writer, reader, gate, inlet } = await ends();
    const seen: unknown[] = [];
    const dropped: Dropped<unknown>[] = [];
    (reader as Spark).on('data', (data) => seen.push(data));
    gate.dropped$.subscribe((drop) => dropped.push(drop));
    expect(gate.volatile('first')).toBe(true);
    inlet.pause();
    await world.pass(0);
    fill(write(writer), gate);
    expect(gate.volatile('second')).toBe(false);
    inlet.resume();
    await world.pass(1000);
    expect(gate.volatile('third')).toBe(true);
    await world.pass(1000);
    expect(seen.filter((data) => data !== KILOBYTE)).toEqual(['first', 'third']);
    expect(dropped).toEqual([{ data: 'second', reason: 'full' }]);
    writer.end();
    await world.pass(0);
    expect(gate.volatile('fourth')).toBe(false);
    expect(dropped.at(-1)).toEqual({ data: 'fourth', reason: 'ended' });
  });

  it('keeps the latest message of each key while it is full', async () => {
    const { writer, reader, gate, inlet } = await ends();
    const seen: unknown[] = [];
    const dropped: Dropped<unknown>[] = [];
    (reader as Spark).on('data', (data) => seen.push(data));
    gate.dropped$.subscribe((drop) => dropped.push(drop));
    gate.latest('a', 'a0');
    inlet.pause();
    fill(write(writer), gate);
    for (const data of ['a1', 'b1', 'a2', 'a3', 'b2']) expect(gate.latest(data[0], data)).toBe(true);
    inlet.resume();
    await world.pass(1000);
    expect(seen.filter((data) => data !== KILOBYTE)).toEqual(['a0', 'a3', 'b2']);
    expect(dropped).toEqual([
      { data: 'a1', key: 'a', reason: 'replaced' },
      { data: 'a2', key: 'a', reason: 'replaced' },
      { data: 'b1', key: 'b', reason: 'replaced' },
    ]);
  });

  it('reports the latest messages that are left at the end', async () => {
    const { writer, gate, inlet } = await ends();
    const dropped: Dropped<unknown>[] = [];
    gate.dropped$.subscribe((drop) => dropped.push(drop));
    inlet.pause();
    fill(write(writer), gate);
    gate.latest('a', 'a1');
    writer.end();
    await world.pass(0);
    expect(dropped).toEqual([{ data: 'a1', key: 'a', reason: 'ended' }]);
    expect(gate.latest('a', 'a2')).toBe(false);
    expect(dropped).toHaveLength(2);
  });
});

describe('the flow of a client', () => {
  it('is full without a connection, and counts what is queued', async () => {
    const { client, up } = await pair();
    world.network.down = true;
    world.network.cut();
    await world.pass(0);
    expect(up.isFull).toBe(true);
    client.write(KILOBYTE);
    expect(up.bufferedAmount).toBe(1024);
    expect(up.volatile('x')).toBe(false);
    const drained = vi.fn();
    void up.drained().then(drained);
    await world.pass(100);
    expect(drained).not.toHaveBeenCalled();
    world.network.down = false;
    await world.pass(60_000);
    expect(drained).toHaveBeenCalledTimes(1);
  });

  it('reports what the queue drops', async () => {
    const { client, up } = await pair();
    const dropped: Dropped<unknown>[] = [];
    up.dropped$.subscribe((drop) => dropped.push(drop));
    world.network.down = true;
    world.network.cut();
    await world.pass(0);
    up.volatile('volatile');
    client.write('first');
    for (let count = 0; count < 98; count++) client.write(KILOBYTE);
    client.destroy();
    await world.pass(0);
    expect(dropped[0]).toEqual({ data: 'volatile', reason: 'disconnected' });
    expect(dropped.filter(({ reason }) => reason === 'queue').map(({ data }) => data)).toEqual(['first', KILOBYTE]);
    expect(dropped.filter(({ reason }) => reason === 'ended')).toHaveLength(97);
  });

  it('goes on with a loop over reconnections, and stays paused on the next connection', async () => {
    const { spark, client, up } = await pair();
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const data of up) seen.push(data);
    })();
    await settle();
    spark.write('one');
    await world.pass(10);
    up.pause();
    world.network.cut();
    await world.pass(60_000);
    world.primus.write('two');
    await world.pass(1_000);
    expect(seen).toEqual(['one']);
    up.resume();
    await world.pass(10);
    expect(seen).toEqual(['one', 'two']);
    client.end();
    await world.pass(10);
    await reading;
  });

  it('lives on while it is paused for longer than the heartbeats of both ends', async () => {
    const { client, spark, up } = await pair({ pingInterval: 30_000 });
    const lost = vi.fn();
    client.on('close', lost);
    spark.on('end', lost);
    up.pause();
    await world.pass(600_000);
    expect(lost).not.toHaveBeenCalled();
    up.resume();
    await world.pass(100_000);
    expect(lost).not.toHaveBeenCalled();
  });

  it('lives on while it reads so slowly that heartbeats wait behind what it has not read', async () => {
    const { client, spark, up, down } = await pair({ pingInterval: 30_000 }, 102_400);
    const lost = vi.fn();
    client.on('close', lost);
    let read = 0;
    void (async () => {
      for await (const _ of up) {
        read += 1;
        await new Promise<void>((resolve) => void world.clock.schedule(() => resolve(), 1_000));
      }
    })();
    const writing = (async () => {
      for (let count = 0; count < 400; count++) {
        spark.write(KILOBYTE);
        await down.drained();
      }
    })();
    await world.pass(300_000);
    expect(lost).not.toHaveBeenCalled();
    expect(read).toBeGreaterThan(290);
    await writing;
  });

  it('leaves no timer behind when it ends while it is paused', async () => {
    const { client, up } = await pair({ pingInterval: false });
    up.pause();
    client.end();
    await world.pass(60_000);
    expect(world.clock.pending).toBe(0);
  });
});

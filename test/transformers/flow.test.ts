import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type Flow, flow } from '../../src/flow.js';
import type { Spark } from '../../src/index.js';
import { event, serve } from '../support/serve.js';

/** A message, in bytes; a run, in messages: 24 MB each way. `bench/flow.mjs` pipes more, and measures the memory of both processes. */
const SIZE = 50_000;
const COUNT = 480;

const MARK = 262_144;

/** The bytes of a message beside its text. */
const EXTRA = 1_000;

describe.each([
  ['websockets', 'down'],
  ['websockets', 'up'],
  ['faye', 'up'],
  ['engine.io', 'down'],
  ['engine.io', 'up'],
  ['socket.io', 'down'],
  ['socket.io', 'up'],
  // Its server cannot stop reading.
  ['uws', 'down'],
])('a slow reader: %s, %s', (transformer, way) => {
  it('slows the writer down to the source, with no more buffered than the mark and a message, and gets all in order', async () => {
    const { primus, connect } = await serve({ transformer, maxBuffer: 4 * MARK });
    const announced = event(primus, 'connection');
    const client = connect();
    const [[spark]] = await Promise.all([announced, event(client, 'open')]);
    const ends = [flow(client, { highWaterMark: MARK }), flow(spark as Spark, { highWaterMark: MARK })] as Flow[];
    const [writer, reader] = (way === 'up' ? ends : ends.reverse()) as [Flow, Flow];
    const text = 'x'.repeat(SIZE);
    let made = 0;
    let read = 0;
    let buffered = 0;
    let ahead = 0;
    const source = Readable.from(
      (function* () {
        for (; made < COUNT; made++) {
          buffered = Math.max(buffered, writer.bufferedAmount);
          ahead = Math.max(ahead, made - read);
          yield { number: made, text };
        }
      })(),
      { highWaterMark: 1 },
    );
    const writing = (Readable.toWeb(source) as ReadableStream).pipeTo(writer.writable, { preventClose: true });
    for await (const { number } of reader as Flow<{ number: number }>) {
      expect(number).toBe(read);
      read += 1;
      if (read === COUNT) break;
      // At first not at all: until the writer has to wait.
      if (read === 1) for (let before = -1; made !== before; await sleep(100)) before = made;
      if (read % 8 === 0) await sleep(1);
    }
    await writing;
    expect(buffered).toBeLessThan(MARK + SIZE + EXTRA);
    expect(ahead).toBeLessThan(COUNT);
  });
});

describe.each(['engine.io', 'socket.io'])('a server that pauses again and again: %s', (transformer) => {
  it('still sends the heartbeats of the engine', async () => {
    const { primus, connect } = await serve({ transformer, transport: { pingInterval: 300, pingTimeout: 200 } });
    const announced = event(primus, 'connection');
    const client = connect();
    const [[spark]] = await Promise.all([announced, event(client, 'open')]);
    const lost: unknown[] = [];
    client.on('close', () => lost.push(client.state));
    for (let count = 0; count < 60; count++) {
      (spark as Spark).pause();
      await sleep(10);
      (spark as Spark).resume();
      await sleep(10);
    }
    expect(lost).toEqual([]);
  });
});

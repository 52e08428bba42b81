import { afterEach, describe, expect, it, vi } from 'vitest';
import * as ws from 'ws';
import { runLater } from '../../src/server/turn.js';
import { type FrameReceiver, limitFragments, MAX_FRAGMENTS } from '../../transformers/shared/ws/fragments.js';
import { CONTINUATION, frame, TEXT } from '../server/raw.js';
import { until } from '../support/serve.js';

const { Receiver } = ws as unknown as { Receiver: new (options: object) => FrameReceiver };

const OPTIONS = { isServer: true, allowSynchronousEvents: true, maxPayload: 10_000_000, maxFragments: MAX_FRAGMENTS };

/** A receiver, and the messages that it has emitted, each of which takes so many ms of a clock. */
function receiving(clock: { now: number }, duration = 1) {
  const receiver = new Receiver(OPTIONS);
  limitFragments(receiver);
  const messages: string[] = [];
  receiver.on('message', (data: Buffer) => {
    messages.push(data.toString());
    clock.now += duration;
  });
  return { receiver, messages };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('segments of WebSockets of ws', () => {
  it('with many messages are read over several turns of the event loop, also when they are of many sockets', async () => {
    const clock = { now: performance.now() };
    vi.spyOn(performance, 'now').mockImplementation(() => clock.now);
    const strings = Array.from({ length: 2_000 }, (_, index) => `message ${index}`);
    const segment = Buffer.concat(strings.map((string) => frame(TEXT, string)));
    const peers = Array.from({ length: 10 }, () => receiving(clock));
    const begin = clock.now;
    for (const { receiver } of peers) receiver.write(Buffer.from(segment));
    // What is read between two looks at the clock, of 20,000.
    const first = clock.now - begin;
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThan(4_000);
    await until(() => peers.every(({ messages }) => messages.length === strings.length));
    for (const { messages } of peers) expect(messages).toEqual(strings);
  });

  it('leave off after each part while other work waits, such as a message of a peer that sends few', async () => {
    const clock = { now: performance.now() };
    vi.spyOn(performance, 'now').mockImplementation(() => clock.now);
    // 2,000 messages of 0.05 ms each are two turns of one socket.
    const segment = Buffer.concat(Array.from({ length: 2_000 }, (_, index) => frame(TEXT, `message ${index}`)));
    const peers = Array.from({ length: 20 }, () => receiving(clock, 0.05));
    for (const { receiver } of peers) receiver.write(Buffer.from(segment));
    const begin = clock.now;
    const waited = await new Promise<number>((resolve) => runLater(() => resolve(clock.now - begin)));
    // One part of each socket, and not a turn of each.
    expect(waited).toBeLessThan(20 * 8);
    await until(() => peers.every(({ messages }) => messages.length === 2_000));
  });

  it('of one frame are not read in slices', async () => {
    const clock = { now: 0 };
    const { receiver, messages } = receiving(clock);
    const bytes = frame(TEXT, 'x'.repeat(1_000_000), { fin: false });
    for (let at = 0; at < bytes.length; at += 65_536) receiver.write(bytes.subarray(at, at + 65_536));
    receiver.write(frame(CONTINUATION, 'y'));
    await until(() => messages.length === 1);
    expect(messages[0]).toBe(`${'x'.repeat(1_000_000)}y`);
  });
});

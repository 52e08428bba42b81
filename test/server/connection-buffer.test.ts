import { describe, expect, it, vi } from 'vitest';
import { ConnectionBuffer, highWaterOf } from '../../src/server/connection-buffer.js';
import { MemoryAccount } from '../../src/server/memory.js';
import { Clock } from '../support/clock.js';

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** a buffer whose link sends on demand. */
function create(maxBuffer: number, maxMemory = Number.POSITIVE_INFINITY) {
  const scheduler = new Clock();
  const link = { bufferedAmount: 0 };
  const terminate = vi.fn();
  const drained = vi.fn();
  const suspend = vi.fn();
  const memory = new MemoryAccount(maxMemory, 1, scheduler);
  const limits = { maxBuffer, highWater: highWaterOf(maxBuffer), memory, scheduler };
  const buffer = new ConnectionBuffer({ ip: '10.0.0.1', link, terminate, drained, suspend }, limits);
  const send = (bytes: number, isShared = false) => {
    link.bufferedAmount += bytes;
    buffer.sent(new Uint8Array(bytes), isShared);
  };
  const leave = (bytes: number) => {
    link.bufferedAmount -= bytes;
  };
  return { scheduler, link, terminate, drained, memory, buffer, send, leave };
}

describe('the buffer of a connection', () => {
  it.each([2_000, 64_000, 1_048_576])('is limited to maxBuffer (%i bytes) beside one burst', async (maxBuffer) => {
    const { send, link, terminate } = create(maxBuffer);
    const size = maxBuffer / 100;
    while (terminate.mock.calls.length === 0) {
      send(size);
      send(size);
      await nextTurn();
      expect(link.bufferedAmount).toBeLessThan(1.1 * maxBuffer);
    }
    expect(link.bufferedAmount).toBeGreaterThan(maxBuffer);
    expect(terminate.mock.calls[0]).toMatchObject([{ code: 'ERR_PRIMUS_SLOW_PEER', reason: 'slow consumer' }]);
  });

  it('takes sixteen times maxBuffer in one turn, and no more', async () => {
    const { send, terminate, link } = create(1_000);
    for (let count = 0; count < 160; count++) send(100);
    expect(terminate).not.toHaveBeenCalled();
    await nextTurn();
    send(100);
    expect(terminate).not.toHaveBeenCalled();
    for (let count = 0; count < 170; count++) send(100);
    expect(terminate).toHaveBeenCalled();
    expect(link.bufferedAmount).toBeGreaterThan(16_000);
  });

  it('takes one message of any length, and what is written behind it', async () => {
    const { send, terminate } = create(1_000);
    send(10_000_000);
    await nextTurn();
    for (let count = 0; count < 10; count++) {
      send(100);
      await nextTurn();
    }
    expect(terminate).not.toHaveBeenCalled();
    send(100);
    expect(terminate).toHaveBeenCalledTimes(1);
  });

  it('does not count what a framework adds to a message against the client', async () => {
    const { send, link, terminate } = create(1_000);
    send(10_000);
    link.bufferedAmount += 9_000;
    await nextTurn();
    send(100);
    expect(terminate).not.toHaveBeenCalled();
  });

  it('forgets a burst once it has left', async () => {
    const { send, leave, link, scheduler, terminate, drained } = create(1_000);
    send(10_000);
    leave(10_000);
    scheduler.advance(10);
    expect(drained).toHaveBeenCalledTimes(1);
    await nextTurn();
    for (let count = 0; count < 30 && terminate.mock.calls.length === 0; count++) {
      send(100);
      await nextTurn();
    }
    expect(link.bufferedAmount).toBeLessThan(2_000);
    expect(terminate).toHaveBeenCalledTimes(1);
  });

  it('counts messages that wait for a transformer, until they are sent', async () => {
    const { buffer, link, terminate } = create(10_000);
    for (let count = 0; count < 100; count++) {
      buffer.queued(200);
      await nextTurn();
      buffer.queued(-200);
      link.bufferedAmount = 0;
    }
    expect(terminate).not.toHaveBeenCalled();
    for (let count = 0; count < 51; count++) {
      buffer.queued(200);
      await nextTurn();
    }
    expect(terminate).not.toHaveBeenCalled();
    buffer.queued(200);
    expect(terminate).toHaveBeenCalledTimes(1);
  });

  it('emits drain when half of the high-water mark has left', () => {
    const { send, leave, buffer, scheduler, drained } = create(4_000);
    send(1_000);
    expect(buffer.crowded).toBe(false);
    send(1);
    expect(buffer.crowded).toBe(true);
    leave(500);
    scheduler.advance(1_000);
    expect(drained).not.toHaveBeenCalled();
    leave(1);
    scheduler.advance(1_000);
    expect(drained).toHaveBeenCalledTimes(1);
    expect([buffer.crowded, buffer.isEmpty]).toEqual([false, true]);
  });

  it('terminates a client that receives nothing of more than maxBuffer for ten seconds', () => {
    const { send, leave, scheduler, terminate } = create(1_000);
    send(2_000);
    scheduler.advance(9_000);
    leave(1);
    scheduler.advance(9_000);
    expect(terminate).not.toHaveBeenCalled();
    scheduler.advance(2_000);
    expect(terminate).toHaveBeenCalled();
  });

  it('waits for a client that receives nothing of less than maxBuffer', () => {
    const { send, scheduler, terminate } = create(1_000);
    send(999);
    scheduler.advance(600_000);
    expect(terminate).not.toHaveBeenCalled();
  });

  it('counts the bytes of a client that receives nothing ever more rarely', () => {
    const { send, link, scheduler } = create(1_000);
    send(999);
    const counted = vi.spyOn(link, 'bufferedAmount', 'get').mockReturnValue(999);
    scheduler.advance(60_000);
    expect(counted.mock.calls.length).toBeLessThan(110);
  });

  it('does not keep the writer of a client waiting that receives at once', () => {
    const { send, leave, scheduler, drained } = create(1_000_000);
    for (let count = 1; count <= 100; count++) {
      send(300_000);
      leave(300_000);
      scheduler.advance(1);
      expect(drained).toHaveBeenCalledTimes(count);
    }
  });

  it('counts the bytes of a client that receives slowly every ten milliseconds', () => {
    const { send, link, scheduler } = create(1_000);
    send(999);
    let left = 999_000;
    const counted = vi.spyOn(link, 'bufferedAmount', 'get').mockImplementation(() => --left);
    scheduler.advance(10_000);
    expect(counted.mock.calls.length).toBeGreaterThan(990);
    expect(counted.mock.calls.length).toBeLessThan(1_010);
  });

  it('reports what waits to the account, without the broadcasts that all connections share', () => {
    const { send, buffer, memory, leave, scheduler } = create(4_000_000, 100_000_000);
    send(2_000_000);
    send(1_000_000, true);
    scheduler.advance(100);
    expect(memory.total).toBe(2_000_000);
    buffer.received(500_000);
    buffer.incomplete(100_000);
    expect(memory.total).toBe(2_600_000);
    buffer.incomplete(0);
    buffer.received(-500_000);
    leave(3_000_000);
    scheduler.advance(1_000);
    expect(memory.total).toBe(0);
    send(3_000_000);
    scheduler.advance(100);
    buffer.release();
    expect(memory.total).toBe(0);
  });

  it('is terminated when the account sheds it', () => {
    const { buffer, terminate } = create(1_000_000, 200_000);
    buffer.received(200_001);
    expect(terminate.mock.calls[0]).toMatchObject([{ code: 'ERR_PRIMUS_MEMORY' }]);
  });
});

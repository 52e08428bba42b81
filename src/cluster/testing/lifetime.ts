import assert from 'node:assert/strict';
import type { BusState } from '../bus.js';
import { bytes, delivered, settled, type TestBed, until } from './node.js';

/** Cases about the state of a bus, and about its end. */
export const lifetime = {
  async 'replays its state, and completes it when the bus is closed'(bed: TestBed) {
    const { bus } = await bed.open();
    const states: (BusState | 'complete')[] = [];
    bus.state$.subscribe({ next: (state) => states.push(state), complete: () => states.push('complete') });
    assert.deepEqual(states, ['up']);
    await settled('close', bus.close());
    assert.equal(states.at(-1), 'complete');
    let completed = false;
    bus.state$.subscribe({ complete: () => (completed = true) });
    assert.ok(completed, 'state$ must complete at once for who subscribes after close()');
  },

  async 'buffers nothing at rest'(bed: TestBed) {
    const topic = bed.topic('rest');
    const [node] = await bed.listeners(topic, 1);
    if (!node) return;
    assert.equal(node.bus.bufferedAmount, 0);
    for (let index = 0; index < 100; index += 1) node.bus.publish(topic, new Uint8Array(1000));
    assert.ok(node.bus.bufferedAmount >= 0);
    await delivered(node, 100);
    await until('bufferedAmount 0', () => node.bus.bufferedAmount === 0);
  },

  async 'never throws from open and publish, and reports what is published too early or delivers it'(bed: TestBed) {
    const topic = bed.topic('early');
    const [listener] = await bed.listeners(topic, 1);
    const early = bed.connect();
    for (let index = 0; index < 10; index += 1) early.bus.publish(topic, bytes(`${index}`));
    const lost = () => early.losses.reduce((sum, { count }) => sum + count, 0);
    await until('10 messages or losses', () => (listener?.deliveries.length ?? 0) + lost() === 10);
    for (const loss of early.losses) assert.equal(loss.topic, topic);
  },

  async 'closes: delivers nothing more, settles its promises, and closes again'(bed: TestBed) {
    const topic = bed.topic('closed');
    const [node, other] = await bed.listeners(topic, 2);
    if (!node || !other) return;
    other.bus.publish(topic, bytes('before'));
    await delivered(node, 1);
    const listening = node.bus.listen([bed.topic('pending')]).catch(() => {});
    await settled('close', node.bus.close());
    await settled('listen', listening);
    await assert.rejects(settled('listen', node.bus.listen([topic])), 'listen() must reject after close()');
    node.bus.publish(topic, bytes('nothing'));
    node.bus.unlisten([topic]);
    other.bus.publish(topic, bytes('after'));
    await delivered(other, 2);
    await settled('close', node.bus.close());
    assert.equal(node.deliveries.length, 1);
    assert.equal(node.bus.bufferedAmount, 0);
    assert.equal(other.deliveries.length, 2);
  },
} satisfies Record<string, (bed: TestBed) => Promise<void>>;

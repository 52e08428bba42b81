import assert from 'node:assert/strict';
import { bytes, delivered, numbered, of, stringOf, strings, type TestBed, until } from './node.js';

/** Cases about messages: who receives them, in which order, with which bytes. */
export const delivery = {
  async 'delivers a message to every node that listens, also to the publisher'(bed: TestBed) {
    const topic = bed.topic('all');
    const nodes = await bed.listeners(topic, 3);
    nodes[0]?.bus.publish(topic, bytes('hello'));
    for (const node of nodes) {
      await delivered(node, 1);
      assert.equal(node.deliveries[0]?.topic, topic);
      assert.deepEqual(strings(node.deliveries), ['hello']);
    }
  },

  async 'delivers the messages of each publisher in order'(bed: TestBed) {
    const topic = bed.topic('order');
    const nodes = await bed.listeners(topic, 3);
    for (let index = 0; index < 500; index += 1) {
      for (const [number, { bus }] of nodes.entries()) bus.publish(topic, bytes(`${number}:${index}`));
      if (index % 100 === 0) await new Promise((resolve) => setTimeout(resolve));
    }
    for (const node of nodes) {
      await delivered(node, 1500);
      for (const number of nodes.keys()) {
        const own = strings(node.deliveries).filter((entry) => entry.startsWith(`${number}:`));
        assert.deepEqual(own, numbered(`${number}:`, 500));
      }
    }
  },

  async 'keeps the order when a listener publishes during a delivery'(bed: TestBed) {
    const topic = bed.topic('nested');
    const nodes = await bed.listeners(topic, 2);
    const [first, second] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
    const subscription = first.bus.message$.subscribe((message) => {
      if (stringOf(message).length < 5) first.bus.publish(topic, bytes(`${stringOf(message)}'`));
    });
    first.bus.publish(topic, bytes('a'));
    first.bus.publish(topic, bytes('b'));
    const expected = ['a', 'b', "a'", "b'", "a''", "b''", "a'''", "b'''", "a''''", "b''''"];
    for (const node of [first, second]) {
      await delivered(node, expected.length);
      assert.deepEqual(strings(node.deliveries), expected);
    }
    subscription.unsubscribe();
  },

  async 'does not deliver a message before publish has returned'(bed: TestBed) {
    const topic = bed.topic('later');
    const [node] = await bed.listeners(topic, 1);
    node?.bus.publish(topic, bytes('now'));
    assert.equal(node?.deliveries.length, 0);
    if (node) await delivered(node, 1);
  },

  async 'does not deliver to nodes that do not listen'(bed: TestBed) {
    const topic = bed.topic('one');
    const other = bed.topic('other');
    const [publisher, listener] = [await bed.open(), await bed.open()];
    await listener.bus.listen([other]);
    publisher.bus.publish(topic, bytes('not for you'));
    publisher.bus.publish(other, bytes('for you'));
    await delivered(listener, 1);
    assert.deepEqual(strings(listener.deliveries), ['for you']);
    assert.deepEqual(publisher.deliveries, []);
  },

  async 'delivers a message once, however often a node listens'(bed: TestBed) {
    const topic = bed.topic('twice');
    const [node] = await bed.listeners(topic, 1);
    if (!node) return;
    await node.bus.listen([topic, topic]);
    await node.bus.listen([topic]);
    for (const entry of ['a', 'b']) node.bus.publish(topic, bytes(entry));
    await delivered(node, 2);
    assert.deepEqual(strings(node.deliveries), ['a', 'b']);
  },

  async 'delivers messages to late subscribers of message$ from then on'(bed: TestBed) {
    const topic = bed.topic('hot');
    const [node] = await bed.listeners(topic, 1);
    if (!node) return;
    node.bus.publish(topic, bytes('early'));
    await delivered(node, 1);
    const late: string[] = [];
    const subscription = node.bus.message$.subscribe((message) => late.push(stringOf(message)));
    node.bus.publish(topic, bytes('late'));
    await until('the late message', () => late.length > 0);
    assert.deepEqual(late, ['late']);
    subscription.unsubscribe();
  },

  async 'carries empty messages, every byte, and a megabyte'(bed: TestBed) {
    const topic = bed.topic('bytes');
    const nodes = await bed.listeners(topic, 2);
    const every = Uint8Array.from({ length: 256 }, (_, index) => index);
    const large = Uint8Array.from({ length: 2 ** 20 - 1024 }, (_, index) => (index * 31) % 251);
    const messages = [new Uint8Array(), every, large, new Uint8Array(3), bytes('{"json":"é😀"}\r\n')];
    for (const message of messages) nodes[0]?.bus.publish(topic, message);
    for (const node of nodes) {
      await delivered(node, messages.length);
      for (const [index, { data }] of node.deliveries.entries()) {
        assert.ok(data instanceof Uint8Array);
        assert.equal(Buffer.compare(data, messages[index] as Uint8Array), 0, `message ${index} has changed`);
      }
    }
  },

  async 'carries a part of a larger array'(bed: TestBed) {
    const topic = bed.topic('part');
    const [node] = await bed.listeners(topic, 1);
    if (!node) return;
    node.bus.publish(topic, bytes('xxhelloxx').subarray(2, 7));
    node.bus.publish(topic, Buffer.from('a Buffer'));
    await delivered(node, 2);
    assert.deepEqual(strings(node.deliveries), ['hello', 'a Buffer']);
  },

  async 'keeps the bytes of a message when the publisher reuses its array, and when more messages arrive'(bed: TestBed) {
    const topic = bed.topic('alias');
    const nodes = await bed.listeners(topic, 2);
    const data = new Uint8Array(64);
    for (let index = 0; index < 100; index += 1) {
      data.fill(index);
      nodes[0]?.bus.publish(topic, data);
    }
    data.fill(255);
    for (const node of nodes) {
      await delivered(node, 100);
      for (const [index, message] of node.deliveries.entries()) {
        assert.equal(message.data.length, 64);
        assert.ok(
          message.data.every((byte) => byte === index),
          `message ${index} has changed`,
        );
      }
    }
  },
} satisfies Record<string, (bed: TestBed) => Promise<void>>;

/** Cases about messages that are too long. */
export const limits = {
  async 'reports a message that is longer than the engine takes, and goes on'(bed: TestBed) {
    const topic = bed.topic('too long');
    const [node] = await bed.listeners(topic, 1);
    if (!node || bed.tooLong === undefined) return;
    node.bus.publish(topic, new Uint8Array(bed.tooLong));
    await until('a report', () => node.losses.length + node.errors.length > 0);
    if (node.losses.length > 0) assert.deepEqual([node.losses[0]?.topic, node.losses[0]?.count], [topic, 1]);
    await until('a message after it', async () => {
      // The engine may have closed the connection.
      await node.bus.listen([topic]).catch(() => {});
      node.bus.publish(topic, bytes('short'));
      return of(node, topic).length > 0;
    });
    assert.equal(stringOf(node.deliveries[0] as (typeof node.deliveries)[0]), 'short');
  },
} satisfies Record<string, (bed: TestBed) => Promise<void>>;

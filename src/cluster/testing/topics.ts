import assert from 'node:assert/strict';
import { bytes, delivered, of, stringOf, strings, type TestBed, until } from './node.js';

/** Names that engines are known to read as patterns, separators or keys. */
const NAMES = [
  'a b',
  ' leading and trailing ',
  '*',
  'a*',
  'a.*',
  'a.>',
  '>',
  '.',
  '..',
  'a..b',
  '.a',
  'a.b',
  'ab',
  'AB',
  '?',
  '[ab]',
  '{a}',
  '{}',
  '{a}{b}',
  '}{',
  '$SYS',
  '_INBOX.x',
  '#',
  '/',
  '\\',
  ':',
  '%20',
  '"quoted"',
  '\n\r\n',
  'tab\t',
  'nul\0nul',
  '\x7f',
  '__proto__',
  'constructor',
  'é',
  'e\u0301',
  '\u{1f600}\u200d\u{1f525}',
  '\ufeffbom',
  'ü'.repeat(256),
  'x'.repeat(512),
  '\u{1f600}'.repeat(128),
];

/** Cases about topics: their names, listening and its end. */
export const topics = {
  async 'takes every string of up to 512 bytes as a topic, and no pattern'(bed: TestBed) {
    const [publisher, listener] = [await bed.open(), await bed.open()];
    await listener.bus.listen(NAMES);
    // No prefix with the number of the run here: it would change what the engine sees. The data tells runs apart.
    const run = bed.topic('');
    for (const [index, name] of NAMES.entries()) publisher.bus.publish(name, bytes(`${index}${run}`));
    const own = () => listener.deliveries.filter((each) => stringOf(each).endsWith(run));
    await until('a delivery of every topic', () => own().length >= NAMES.length);
    const last = bed.topic('last');
    await listener.bus.listen([last]);
    publisher.bus.publish(last, bytes('end'));
    await delivered(listener, 1, last);
    const received = new Map(own().map((each) => [each.topic, stringOf(each)]));
    assert.deepEqual([...received.keys()].sort(), [...NAMES].sort());
    for (const [index, name] of NAMES.entries()) assert.equal(received.get(name), `${index}${run}`);
    assert.equal(own().length, NAMES.length);
  },

  async 'resolves listen when the next message will be delivered'(bed: TestBed) {
    const [publisher, listener] = [await bed.open(), await bed.open()];
    for (let index = 0; index < 100; index += 1) {
      const topic = bed.topic(`confirmed ${index}`);
      await listener.bus.listen([topic]);
      publisher.bus.publish(topic, bytes('first'));
    }
    await delivered(listener, 100);
    assert.equal(listener.deliveries.length, 100);
  },

  async 'listens to thousands of topics at once, and to none'(bed: TestBed) {
    const [publisher, listener] = [await bed.open(), await bed.open()];
    await listener.bus.listen([]);
    const names = Array.from({ length: 3000 }, (_, index) => bed.topic(`many ${index}`));
    await listener.bus.listen(names);
    for (const name of names) publisher.bus.publish(name, bytes(name));
    await delivered(listener, names.length);
    assert.deepEqual(new Set(strings(listener.deliveries)), new Set(names));
    listener.bus.unlisten([]);
    listener.bus.unlisten(names);
    const last = bed.topic('last of many');
    await listener.bus.listen([last]);
    for (const name of [...names, last]) publisher.bus.publish(name, bytes(name));
    await delivered(listener, 1, last);
    assert.equal(listener.deliveries.length, names.length + 1);
  },

  async 'delivers nothing of a topic after unlisten'(bed: TestBed) {
    const [topic, marker] = [bed.topic('left'), bed.topic('marker')];
    const [publisher, listener] = [await bed.open(), await bed.open()];
    await listener.bus.listen([topic, marker]);
    const subscription = listener.bus.message$.subscribe((message) => {
      if (message.topic === topic) listener.bus.unlisten([topic]);
    });
    for (let index = 0; index < 50; index += 1) publisher.bus.publish(topic, bytes(`${index}`));
    publisher.bus.publish(marker, bytes('end'));
    await delivered(listener, 1, marker);
    await delivered(listener, 1, topic);
    publisher.bus.publish(topic, bytes('later'));
    publisher.bus.publish(marker, bytes('end'));
    await delivered(listener, 2, marker);
    assert.deepEqual(strings(of(listener, topic)), ['0']);
    subscription.unsubscribe();
  },

  async 'follows the last of several calls of listen and unlisten'(bed: TestBed) {
    const [kept, left] = [bed.topic('kept'), bed.topic('left')];
    const [publisher, listener] = [await bed.open(), await bed.open()];
    const calls = [listener.bus.listen([kept, left])];
    listener.bus.unlisten([kept, left]);
    calls.push(listener.bus.listen([kept, left]));
    listener.bus.unlisten([left, bed.topic('never listened to')]);
    calls.push(listener.bus.listen([kept]));
    await Promise.allSettled(calls);
    await calls[2];
    publisher.bus.publish(left, bytes('no'));
    publisher.bus.publish(kept, bytes('yes'));
    await delivered(listener, 1);
    publisher.bus.publish(kept, bytes('yes'));
    await delivered(listener, 2);
    assert.deepEqual(strings(listener.deliveries), ['yes', 'yes']);
  },
} satisfies Record<string, (bed: TestBed) => Promise<void>>;

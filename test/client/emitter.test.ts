import { describe, expect, it, vi } from 'vitest';
import { Emitter } from '../../client/emitter.js';

/** An emitter that remembers what its listeners threw. */
class Recorder extends Emitter {
  readonly errors: unknown[][] = [];
  protected override onListenerError(error: unknown, event: string): void {
    this.errors.push([error, event]);
  }
}

const fails = (): never => {
  throw new Error('broken');
};

describe('Emitter', () => {
  it('calls listeners in order, with the arguments and itself as `this`', () => {
    const emitter = new Emitter();
    const order: unknown[] = [];
    emitter.on('a', function (this: unknown, ...args) {
      order.push(this === emitter, args);
    });
    emitter.addListener('a', () => order.push('second'));
    emitter.prependListener('a', () => order.push('first'));
    expect(emitter.emit('a', 1, 2)).toBe(true);
    expect(order).toEqual(['first', true, [1, 2], 'second']);
  });

  it('calls a listener with another `this`, once or always, and removes it by the function', () => {
    const emitter = new Emitter();
    const context = {};
    const seen: unknown[] = [];
    const listener = function (this: unknown, value: unknown) {
      seen.push(this === context, value);
    };
    emitter.on('a', listener, context).once('a', listener, context);
    emitter.emit('a', 1);
    emitter.emit('a', 2);
    expect([seen, emitter.listeners('a')]).toEqual([[true, 1, true, 1, true, 2], [listener]]);
    emitter.removeListener('a', listener);
    expect(emitter.listenerCount('a')).toBe(0);
  });

  it('removes all listeners of an event when none is named', () => {
    const emitter = new Emitter();
    emitter
      .on('a', () => {})
      .on('a', () => {})
      .on('b', () => {})
      .removeListener('a');
    expect([emitter.listenerCount('a'), emitter.listenerCount('b')]).toEqual([0, 1]);
  });

  it('returns whether there was a listener, and does not throw an error without listeners', () => {
    const emitter = new Emitter();
    expect(emitter.emit('a')).toBe(false);
    expect(emitter.emit('error', new Error('x'))).toBe(false);
    const listener = () => {};
    emitter.on('a', listener).off('a', listener);
    expect(emitter.emit('a')).toBe(false);
  });

  it('calls a `once` listener once, also when the event is emitted within it', () => {
    const emitter = new Emitter();
    const listener = vi.fn(() => {
      emitter.emit('a');
    });
    emitter.once('a', listener);
    emitter.emit('a', 1);
    emitter.emit('a', 2);
    expect(listener.mock.calls).toEqual([[1]]);
  });

  it('removes a `once` listener by the function that was given', () => {
    const emitter = new Emitter();
    const listener = vi.fn();
    emitter.once('a', listener);
    expect(emitter.listeners('a')).toEqual([listener]);
    emitter.removeListener('a', listener);
    emitter.emit('a');
    expect(listener).not.toHaveBeenCalled();
    expect(emitter.listenerCount('a')).toBe(0);
  });

  it('removes one of several, the latest, as Node does', () => {
    const emitter = new Emitter();
    const order: string[] = [];
    const twice = () => order.push('twice');
    emitter
      .on('a', twice)
      .on('a', () => order.push('between'))
      .on('a', twice);
    emitter.removeListener('a', twice);
    emitter.emit('a');
    expect(order).toEqual(['twice', 'between']);
  });

  it('goes on with the listeners an event began with', () => {
    const emitter = new Emitter();
    const order: string[] = [];
    const second = () => order.push('second');
    emitter.on('a', () => {
      emitter.removeListener('a', second);
      emitter.on('a', () => order.push('late'));
    });
    emitter.on('a', second);
    emitter.emit('a');
    expect(order).toEqual(['second']);
    emitter.emit('a');
    expect(order).toEqual(['second', 'late']);
  });

  it('removes all of one event, or of every event', () => {
    const emitter = new Emitter();
    for (const event of ['a', 'b', 'c']) emitter.on(event, () => {});
    emitter.removeAllListeners('a');
    expect(emitter.eventNames()).toEqual(['b', 'c']);
    emitter.removeAllListeners();
    expect(emitter.eventNames()).toEqual([]);
  });

  it('takes any name for an event', () => {
    const emitter = new Emitter();
    for (const event of ['__proto__', 'constructor', 'toString', '']) {
      expect(emitter.emit(event)).toBe(false);
      const listener = vi.fn();
      emitter.on(event, listener);
      emitter.emit(event, 1);
      expect(listener.mock.calls).toEqual([[1]]);
    }
    expect(emitter.eventNames()).toEqual(['__proto__', 'constructor', 'toString', '']);
  });

  it('refuses a listener that is no function', () => {
    const emitter = new Emitter();
    for (const add of ['on', 'once', 'addListener', 'prependListener'] as const) {
      expect(() => emitter[add]('a', undefined as never)).toThrow(TypeError);
    }
    expect(emitter.listenerCount('a')).toBe(0);
  });

  it('reports what a listener throws or rejects with, and goes on with the others', async () => {
    const emitter = new Recorder();
    const last = vi.fn();
    emitter
      .on('a', fails)
      .on('a', async () => fails())
      .on('a', last);
    expect(emitter.emit('a')).toBe(true);
    expect(last).toHaveBeenCalledTimes(1);
    await Promise.resolve();
    await Promise.resolve();
    expect(emitter.errors).toEqual([
      [new Error('broken'), 'a'],
      [new Error('broken'), 'a'],
    ]);
  });

  it('keeps the listeners of each emitter apart', () => {
    const [first, second] = [new Emitter(), new Emitter()];
    first.on('a', () => {});
    expect(second.listenerCount('a')).toBe(0);
  });
});

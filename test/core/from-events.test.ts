import { EventEmitter } from 'node:events';
import { map, merge, Subject, take } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { fromEvents } from '../../src/core/streams/from-events.js';
import { SafeObservable } from '../../src/core/streams/safe-observable.js';

function safe() {
  const values = new Subject<number>();
  const report = vi.fn();
  return { values, report, stream: new SafeObservable<number>((subscriber) => values.subscribe(subscriber), report) };
}

const fails = (): never => {
  throw new Error('broken');
};

describe('SafeObservable', () => {
  it('emits to functions and observers like any Observable', () => {
    const { values, stream, report } = safe();
    const seen: unknown[] = [];
    stream.subscribe((value) => seen.push(value));
    stream.subscribe({ next: (value) => seen.push(value), complete: () => seen.push('end') });
    stream.subscribe(null, null, () => seen.push('end by function'));
    stream.subscribe();
    values.next(1);
    values.complete();
    expect(seen).toEqual([1, 1, 'end', 'end by function']);
    expect(report).not.toHaveBeenCalled();
  });

  it('calls the methods of an observer as methods', () => {
    const { values, stream } = safe();
    const observer = {
      seen: [] as number[],
      next(value: number) {
        this.seen.push(value);
      },
    };
    stream.subscribe(observer);
    values.next(1);
    expect(observer.seen).toEqual([1]);
  });

  it('reports what a subscriber throws, with the value, and goes on emitting to it and to the others', () => {
    const { values, stream, report } = safe();
    const other = vi.fn();
    const thrower = vi.fn(fails);
    stream.subscribe(thrower);
    stream.subscribe(other);
    values.next(1);
    values.next(2);
    expect(report.mock.calls).toEqual([
      [new Error('broken'), 1],
      [new Error('broken'), 2],
    ]);
    expect(thrower).toHaveBeenCalledTimes(2);
    expect(other.mock.calls).toEqual([[1], [2]]);
  });

  it('reports what a complete or error callback throws', () => {
    const first = safe();
    first.stream.subscribe({ complete: fails });
    first.values.complete();
    expect(first.report.mock.calls).toEqual([[new Error('broken')]]);
    const second = safe();
    second.stream.subscribe({ error: fails });
    second.values.error(new Error('source'));
    expect(second.report.mock.calls).toEqual([[new Error('broken')]]);
  });

  it('reports what an operator in its pipe throws, when there is no error callback', () => {
    const { values, stream, report } = safe();
    stream.pipe(map(fails)).subscribe();
    values.next(1);
    expect(report.mock.calls).toEqual([[new Error('broken')]]);
    expect(values.observed).toBe(false);
  });

  it('passes what an operator throws to the error callback when there is one', () => {
    const { values, stream, report } = safe();
    const error = vi.fn();
    stream
      .pipe(
        map((value) => value),
        map(fails),
      )
      .subscribe({ error });
    values.next(1);
    expect(error.mock.calls).toEqual([[new Error('broken')]]);
    expect(report).not.toHaveBeenCalled();
  });

  it('stays safe through every pipe', () => {
    const { values, stream, report } = safe();
    stream
      .pipe(map((value) => value + 1))
      .pipe(map((value) => value * 2))
      .subscribe(fails);
    values.next(1);
    expect(report.mock.calls).toEqual([[new Error('broken'), 4]]);
  });

  it('is an Observable to operators that take one, and unsubscribes from the source', () => {
    const { values, stream } = safe();
    const seen: number[] = [];
    const subscription = merge(stream.pipe(take(1)), stream).subscribe((value) => seen.push(value));
    values.next(1);
    values.next(2);
    expect(seen).toEqual([1, 1, 2]);
    subscription.unsubscribe();
    expect(values.observed).toBe(false);
  });
});

describe('view', () => {
  const open = ({ replay }: { replay?: () => readonly string[] } = {}) => {
    const source = new EventEmitter();
    const state = { ended: false };
    const report = vi.fn();
    const stream = fromEvents<string>(source as never, {
      events: { data: (value: string) => value, other: (a: number, b: number) => `${a + b}` },
      end: 'end',
      ended: () => state.ended,
      report,
      ...(replay && { replay }),
    });
    const watch = () => {
      const seen: string[] = [];
      const subscription = stream.subscribe({ next: (value) => seen.push(value), complete: () => seen.push('|') });
      return { seen, subscription };
    };
    return { source, state, report, stream, watch };
  };

  const listeners = (source: EventEmitter) => source.eventNames().reduce((sum, name) => sum + source.listenerCount(name), 0);

  it('emits what its events carry, and completes once with the end', () => {
    const { source, watch } = open();
    const { seen } = watch();
    source.emit('data', 'a', 'not this');
    source.emit('other', 1, 2);
    source.emit('end');
    source.emit('end');
    source.emit('data', 'b');
    expect(seen).toEqual(['a', '3', '|']);
  });

  it('listens to events only while it has a subscriber', () => {
    const { source, watch } = open();
    expect(listeners(source)).toBe(0);
    const [first, second] = [watch(), watch()];
    expect(listeners(source)).toBe(6);
    first.subscription.unsubscribe();
    expect(listeners(source)).toBe(3);
    source.emit('end');
    expect(listeners(source)).toBe(0);
    expect(second.seen).toEqual(['|']);
    expect(first.seen).toEqual([]);
  });

  it('completes at once after the end event', () => {
    const { source, state, watch } = open();
    state.ended = true;
    expect(watch().seen).toEqual(['|']);
    expect(listeners(source)).toBe(0);
  });

  it('emits its replay first, also after the end event', () => {
    const { source, state, watch } = open({ replay: () => ['now'] });
    const { seen } = watch();
    source.emit('data', 'a');
    state.ended = true;
    expect([seen, watch().seen]).toEqual([
      ['now', 'a'],
      ['now', '|'],
    ]);
  });

  it('removes its listeners when a subscriber completes at once', () => {
    const { source, stream } = open({ replay: () => ['now'] });
    const seen: string[] = [];
    stream.pipe(take(1)).subscribe((value) => seen.push(value));
    expect(seen).toEqual(['now']);
    expect(listeners(source)).toBe(0);
  });

  it('removes its listeners when a subscriber unsubscribes during an event', () => {
    const { source, stream } = open();
    stream.pipe(take(2)).subscribe();
    source.emit('data', 'a');
    source.emit('data', 'b');
    expect(listeners(source)).toBe(0);
  });

  it('reports what a subscriber throws, and the emitter never sees it', () => {
    const { source, stream, report } = open();
    stream.subscribe(fails);
    expect(() => source.emit('data', 'a')).not.toThrow();
    expect(report.mock.calls).toEqual([[new Error('broken'), 'a']]);
  });
});

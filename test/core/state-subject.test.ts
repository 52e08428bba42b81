import { describe, expect, it, vi } from 'vitest';
import { StateSubject } from '../../src/core/streams/state-subject.js';

describe('StateSubject', () => {
  it('emits the present value to each subscriber at once, then every change', () => {
    const subject = new StateSubject('a');
    const first: string[] = [];
    const second: string[] = [];
    subject.value$.subscribe((value) => first.push(value));
    subject.next('b');
    subject.value$.subscribe((value) => second.push(value));
    subject.next('c');
    expect(first).toEqual(['a', 'b', 'c']);
    expect(second).toEqual(['b', 'c']);
  });

  it('changes its value at once, and emits the change when the caller says so', () => {
    const subject = new StateSubject('a');
    const values: string[] = [];
    subject.value$.subscribe((value) => values.push(value));
    const emit = subject.set('b');
    expect([subject.value, ...values]).toEqual(['b', 'a']);
    emit();
    expect(values).toEqual(['a', 'b']);
  });

  it('emits a value once to a subscriber that joins between a change and its emission', () => {
    const subject = new StateSubject('a');
    const values: string[] = [];
    const emit = subject.set('b');
    subject.value$.subscribe((value) => values.push(value));
    emit();
    expect(values).toEqual(['b']);
  });

  it('emits a value once to a subscriber that joins during an emission', () => {
    const subject = new StateSubject('a');
    const late: string[] = [];
    subject.value$.subscribe((value) => {
      if (value === 'b') subject.value$.subscribe((present) => late.push(present));
    });
    subject.next('b');
    subject.next('c');
    expect(late).toEqual(['b', 'c']);
  });

  it('emits changes in order to a subscriber that was there before them, however many are waiting', () => {
    const subject = new StateSubject('a');
    const early: string[] = [];
    const late: string[] = [];
    subject.value$.subscribe((value) => early.push(value));
    const emissions = [subject.set('b'), subject.set('c')];
    subject.value$.subscribe((value) => late.push(value));
    emissions.push(subject.set('d'));
    for (const emit of emissions) emit();
    expect(early).toEqual(['a', 'b', 'c', 'd']);
    expect(late).toEqual(['c', 'd']);
  });

  it('does not go back to an older value when a subscriber changes it during an emission', () => {
    const subject = new StateSubject('a');
    const values: string[] = [];
    subject.value$.subscribe((value) => {
      if (value === 'b') subject.next('c');
    });
    subject.value$.subscribe((value) => values.push(value));
    subject.next('b');
    expect(values).toEqual(['a', 'c']);
  });

  it('emits nothing to a subscriber that another one unsubscribes during an emission', () => {
    const subject = new StateSubject('a');
    const values: string[] = [];
    subject.value$.subscribe((value) => {
      if (value === 'b') second.unsubscribe();
    });
    const second = subject.value$.subscribe((value) => values.push(value));
    subject.next('b');
    expect(values).toEqual(['a']);
  });

  it('completes its subscribers, and completes late ones after the last value', () => {
    const subject = new StateSubject('a');
    const complete = vi.fn();
    subject.value$.subscribe({ complete });
    subject.complete();
    const values: string[] = [];
    subject.value$.subscribe({ next: (value) => values.push(value), complete });
    expect(values).toEqual(['a']);
    expect(complete).toHaveBeenCalledTimes(2);
  });

  it('reports what a subscriber throws, and emits to the others', () => {
    const report = vi.fn();
    const subject = new StateSubject('a', report);
    const values: string[] = [];
    const broken = new Error('broken');
    subject.value$.subscribe(() => {
      throw broken;
    });
    subject.value$.subscribe((value) => values.push(value));
    subject.next('b');
    expect(report.mock.calls).toEqual([
      [broken, 'a'],
      [broken, 'b'],
    ]);
    expect(values).toEqual(['a', 'b']);
  });
});

import type { Observable, Subscriber } from 'rxjs';
import { type Report, SafeObservable } from './safe-observable.js';

/** A value that is replayed to each subscriber: the present one at once, then every change, until it is completed. */
export class StateSubject<T> {
  value: T;
  readonly value$: Observable<T>;
  #version = 0;
  /** The version of the value that each subscriber received. */
  readonly #subscribers = new Map<Subscriber<T>, number>();
  #completed = false;

  constructor(value: T, report: Report = () => {}) {
    this.value = value;
    this.value$ = new SafeObservable<T>((subscriber) => {
      this.#subscribers.set(subscriber, this.#version);
      subscriber.next(this.value);
      if (this.#completed) subscriber.complete();
      return () => this.#subscribers.delete(subscriber);
    }, report);
  }

  /** Changes the value at once. The function it returns emits the change, for a caller that keeps an order of events. */
  set(value: T): () => void {
    this.value = value;
    this.#version += 1;
    const version = this.#version;
    return () => {
      for (const subscriber of [...this.#subscribers.keys()]) {
        // It has unsubscribed, or has this version or a later one already.
        if ((this.#subscribers.get(subscriber) ?? version) >= version) continue;
        this.#subscribers.set(subscriber, version);
        subscriber.next(value);
      }
    };
  }

  /** Changes the value and emits the change. */
  next(value: T): void {
    this.set(value)();
  }

  complete(): void {
    this.#completed = true;
    for (const subscriber of [...this.#subscribers.keys()]) subscriber.complete();
  }
}

import type { Observable, Subscriber } from 'rxjs';
import { type Report, SafeObservable } from './safe-observable.js';

/** A value that is told to whoever subscribes: the present one at once, then every change, until it is completed. */
export class StateSubject<T> {
  value: T;
  readonly value$: Observable<T>;
  readonly #subscribers = new Set<Subscriber<T>>();
  #completed = false;

  constructor(value: T, report: Report) {
    this.value = value;
    this.value$ = new SafeObservable<T>((subscriber) => {
      this.#subscribers.add(subscriber);
      subscriber.next(this.value);
      if (this.#completed) subscriber.complete();
      return () => this.#subscribers.delete(subscriber);
    }, report);
  }

  next(value: T): void {
    this.value = value;
    for (const subscriber of [...this.#subscribers]) {
      // A subscriber has changed it again: the others have been told already, and must not be told what is past.
      if (this.value !== value) return;
      subscriber.next(value);
    }
  }

  complete(): void {
    this.#completed = true;
    for (const subscriber of [...this.#subscribers]) subscriber.complete();
  }
}

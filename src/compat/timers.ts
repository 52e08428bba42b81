import { milliseconds } from '../core/options.js';

interface Timer {
  start(time: number | string): void;
  stop(): void;
  listeners: (() => void)[];
}

/** Named timers, which are all cleared when the client ends. */
export class Timers {
  readonly timers: { [name: string]: Timer } = Object.create(null);
  /** Whether an internal timer of that name is running. */
  private readonly own: (name: string) => boolean;
  /** `this` of the functions. */
  private readonly context: unknown;

  constructor(own: (name: string) => boolean, context?: unknown) {
    this.own = own;
    this.context = context;
  }

  setTimeout(name: string, fn: () => void, time: number | string): this {
    return this.set(name, fn, time, false);
  }

  setInterval(name: string, fn: () => void, time: number | string): this {
    return this.set(name, fn, time, true);
  }

  setImmediate(name: string, fn: () => void): this {
    return this.setTimeout(name, fn, 0);
  }

  /** Starts a timer again with another time. */
  adjust(name: string, time: number | string): this {
    this.timers[name]?.start(time);
    return this;
  }

  /** Whether a timer of that name is running. */
  active(name: string): boolean {
    return Object.hasOwn(this.timers, name) || this.own(name);
  }

  /** Clears the timers of these names, which may be one string, or all timers. */
  clear(...names: string[]): this {
    const [list] = names;
    const separate = names.length === 1 && typeof list === 'string' ? list.split(/[\s,]+/) : names;
    for (const name of names.length > 0 ? separate : Object.keys(this.timers)) {
      this.timers[name]?.stop();
      delete this.timers[name];
    }
    return this;
  }

  /** The same as `end`. */
  destroy(): boolean {
    return this.end();
  }

  end(): boolean {
    this.clear();
    return true;
  }

  /** Starts a timer. When there is one of that name, adds a listener to it. */
  private set(name: string, fn: () => void, time: number | string, repeats: boolean): this {
    const existing = this.timers[name];
    if (existing !== undefined) {
      existing.listeners.push(fn);
      return this;
    }
    const listeners = [fn];
    let handle: ReturnType<typeof setInterval> | undefined;
    const stop = () => clearInterval(handle);
    const run = () => {
      if (!repeats) {
        stop();
        delete this.timers[name];
      }
      for (const listener of listeners) listener.call(this.context);
    };
    const start = (every: number | string) => {
      stop();
      // A time that has passed already is negative.
      handle = setInterval(run, typeof every === 'number' ? every : milliseconds(every ?? 0, 'time'));
    };
    start(time);
    this.timers[name] = { start, stop, listeners };
    return this;
  }
}

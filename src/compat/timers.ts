interface Timer {
  stop(): void;
  listeners: (() => void)[];
}

/** Named timers, which are all cleared when the client ends. */
export class Timers {
  readonly timers: { [name: string]: Timer } = Object.create(null);
  /** Whether an internal timer of that name is running. */
  private readonly own: (name: string) => boolean;

  constructor(own: (name: string) => boolean) {
    this.own = own;
  }

  setTimeout(name: string, fn: () => void, time: number | string): this {
    return this.set(name, fn, (run) => {
      const timer = setTimeout(run, Number(time));
      return () => clearTimeout(timer);
    });
  }

  setInterval(name: string, fn: () => void, time: number | string): this {
    return this.set(
      name,
      fn,
      (run) => {
        const timer = setInterval(run, Number(time));
        return () => clearInterval(timer);
      },
      true,
    );
  }

  /** Whether a timer of that name is running. */
  active(name: string): boolean {
    return Object.hasOwn(this.timers, name) || this.own(name);
  }

  /** Clears the timers of these names, or all timers. */
  clear(...names: string[]): this {
    for (const name of names.length > 0 ? names.flatMap((list) => list.split(/[\s,]+/)) : Object.keys(this.timers)) {
      this.timers[name]?.stop();
      delete this.timers[name];
    }
    return this;
  }

  end(): boolean {
    this.clear();
    return true;
  }

  /** Starts a timer. When there is one of that name, adds a listener to it. */
  private set(name: string, fn: () => void, start: (run: () => void) => () => void, again = false): this {
    const existing = this.timers[name];
    if (existing !== undefined) {
      existing.listeners.push(fn);
      return this;
    }
    const listeners = [fn];
    const stop = start(() => {
      if (!again) delete this.timers[name];
      for (const listener of listeners) listener();
    });
    this.timers[name] = { stop, listeners };
    return this;
  }
}

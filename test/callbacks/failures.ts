// biome-ignore lint/suspicious/noExplicitAny: a function of the application may be called with anything, and answers with anything.
type Any = any;

/** A way in which a function of the application fails. */
export interface Failure {
  readonly name: string;
  /** Whether each case has it. Of the others a case has a third: it is the kind of value that matters, not the place. */
  readonly isCommon: boolean;
  /** Whether the error has to be reported: it is thrown, or a promise is rejected with it. */
  readonly isLoud: boolean;
  /** Fails, instead of the function's work. `done` is its callback, if it has one; `good` is the right answer. */
  readonly act: (done: (error?: unknown, value?: unknown) => void, good: () => unknown) => unknown;
}

/** Values that are thrown in place of an error, and errors that cannot be read. */
function oddities(): { readonly [name: string]: unknown } {
  const { proxy, revoke } = Proxy.revocable({}, {});
  const { proxy: callable, revoke: revokeCallable } = Proxy.revocable(() => {}, {});
  revoke();
  revokeCallable();
  const circular: { [name: string]: unknown } = { message: 'evil' };
  circular.cause = circular;
  const thrower = {
    get() {
      throw new Error('evil getter');
    },
  };
  const names = ['message', 'code', 'statusCode', 'authenticate', 'name', 'cause'];
  const getters = Object.fromEntries(names.map((name) => [name, thrower]));
  const traps = ['get', 'has', 'ownKeys', 'getPrototypeOf', 'getOwnPropertyDescriptor'];
  const unreadable = new Error('evil');
  // Formats the stack, which reads the message.
  unreadable.stack?.at(0);
  return {
    'an error': new Error('evil'),
    undefined,
    null: null,
    'an empty string': '',
    'a string': 'evil',
    'a symbol': Symbol('evil'),
    'a bigint': 10n,
    'a circular object': circular,
    'an object without a prototype': Object.create(null),
    'an object whose message is none': { message: Object.create(null), statusCode: Symbol('evil') },
    'an object whose getters throw': Object.defineProperties({}, getters),
    'a proxy whose traps throw': new Proxy({}, Object.fromEntries(traps.map((trap) => [trap, thrower.get]))),
    'a revoked proxy': proxy,
    'a revoked function': callable,
    'an error whose getters throw': Object.defineProperties(unreadable, getters),
    'an error whose message is a symbol': Object.defineProperty(new Error('evil'), 'message', { value: Symbol('evil') }),
    'an error whose toString throws': Object.assign(new Error('evil'), { toString: thrower.get }),
    'a frozen error': Object.freeze(new Error('evil')),
  };
}

/** Answers that are no promises, and look like one. */
const THENABLES: { readonly [name: string]: () => unknown } = {
  'a thenable that throws': () => ({
    // biome-ignore lint/suspicious/noThenProperty: that is the point.
    then() {
      throw new Error('evil');
    },
  }),
  'a thenable whose getter throws': () =>
    Object.defineProperty({}, 'then', {
      get() {
        throw new Error('evil');
      },
    }),
  'a thenable that rejects at once, twice': () => ({
    // biome-ignore lint/suspicious/noThenProperty: that is the point.
    then(_resolve: unknown, reject?: (error: Error) => void) {
      reject?.(new Error('evil'));
      reject?.(new Error('evil, again'));
    },
  }),
};

/** Callbacks that are called never, or more than once. */
const ANSWERS: { readonly [name: string]: Failure['act'] } = {
  'never answers': () => {},
  'never resolves': () => new Promise(() => {}),
  'answers twice': (done, good) => {
    done(null, good());
    done(null, good());
  },
  'answers, then with an error': (done, good) => {
    done(null, good());
    done(new Error('evil'));
  },
  'answers, then throws': (done, good) => {
    done(null, good());
    throw new Error('evil');
  },
  'answers, then rejects': async (done, good) => {
    done(null, good());
    throw new Error('evil');
  },
  'answers later, twice': (done, good) => {
    setImmediate(() => {
      done(null, good());
      done(null, good());
    });
  },
};

/** Every way of failing. Functions that throw in a timer of their own are beyond a library: see docs/streams.md. */
export const failures: readonly Failure[] = [...all()];

function* all(): Generator<Failure> {
  for (const [name, value] of Object.entries(oddities())) {
    const isCommon = /^an error$|undefined|revoked proxy/.test(name);
    const loud = { isLoud: true, isCommon };
    const quiet = { isLoud: false, isCommon };
    yield { ...loud, name: `throws ${name}`, act: () => raise(value) };
    yield { ...loud, name: `rejects with ${name}`, act: () => Promise.reject(value) };
    yield { ...quiet, name: `calls back with ${name}`, act: (done) => void done(value) };
    yield { ...quiet, name: `returns ${name}`, act: () => value };
    if (!isCommon) continue;
    yield { ...loud, name: `throws ${name} after an await`, act: async () => raise(await later(value)) };
    yield { ...quiet, name: `calls back later with ${name}`, act: (done) => void setImmediate(() => done(value)) };
  }
  const quiet = { isLoud: false, isCommon: true };
  for (const [name, make] of Object.entries(THENABLES)) yield { ...quiet, name: `returns ${name}`, act: make };
  for (const [name, act] of Object.entries(ANSWERS)) yield { ...quiet, name, act };
}

function raise(value: unknown): never {
  throw value;
}

async function later(value: unknown): Promise<unknown> {
  await null;
  return value;
}

/** Returns a function of so many parameters that fails. Its callback is the last function that it is called with. */
export function failing(failure: Failure, parameters = 0, good: (...args: Any[]) => unknown = () => undefined): (...args: Any[]) => Any {
  const fn = (...args: unknown[]): unknown => {
    const callback = args.filter((arg) => typeof arg === 'function').at(-1) as ((...args: unknown[]) => void) | undefined;
    return failure.act(callback ?? (() => {}), () => good(...args));
  };
  return Object.defineProperty(fn, 'length', { value: parameters });
}

import { type ChildProcess, fork } from 'node:child_process';

/** How long a call may take, in ms. A process that does not answer by then hangs. */
const HANG = 30_000;

interface Reply {
  id: number;
  value?: unknown;
  error?: string;
}

/** A call that was not answered: the process ended, or its event loop stands still. */
export class ChildFailure extends Error {
  readonly kind: 'crash' | 'hang';

  constructor(kind: 'crash' | 'hang', message: string) {
    super(message);
    this.kind = kind;
  }
}

/** A process of this program that answers calls. Its death, whatever the reason, rejects all of them. */
export class Child<Methods extends object> {
  readonly process: ChildProcess;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  /** The reason of the end, unless `stop` was called. */
  failure: ChildFailure | undefined;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #calls = 0;
  #stopped = false;

  constructor(file: string, settings: object, execArgv: readonly string[] = []) {
    const path = new URL(file, import.meta.url);
    this.process = fork(path, [JSON.stringify(settings)], { execArgv: [...execArgv], stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
    let stderr = '';
    this.process.stderr?.on('data', (chunk) => {
      stderr = (stderr + chunk).slice(-4_000);
    });
    this.process.on('message', ({ id, value, error }: Reply) => {
      const call = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) call?.resolve(value);
      else call?.reject(new Error(error));
    });
    this.ended = new Promise((resolve) => {
      this.process.on('close', (code, signal) => {
        const failure = new ChildFailure('crash', `The process ended with ${signal ?? code}\n${stderr.trim()}`);
        if (!this.#stopped) this.failure ??= failure;
        for (const call of this.#waiting.values()) call.reject(this.failure ?? failure);
        this.#waiting.clear();
        resolve();
      });
    });
  }

  get pid(): number {
    return this.process.pid as number;
  }

  /** Calls a method of the process. */
  call<Name extends keyof Methods & string>(
    method: Name,
    ...args: Methods[Name] extends (...args: infer Args) => unknown ? Args : never
  ): Promise<Methods[Name] extends (...args: never[]) => infer Result ? Awaited<Result> : never> {
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined || !this.process.connected) return reject(this.failure ?? new ChildFailure('crash', 'It has ended'));
      const timer = setTimeout(() => {
        this.failure ??= new ChildFailure('hang', `No answer to ${method} within ${HANG} ms`);
        this.process.kill('SIGKILL');
      }, HANG);
      const settled =
        <Value>(settle: (value: Value) => void) =>
        (value: Value) => {
          clearTimeout(timer);
          settle(value);
        };
      this.#waiting.set(id, { resolve: settled(resolve as (value: unknown) => void), reject: settled(reject) });
      // What is written to a process that has just ended fails; its end says so.
      this.process.send({ id, method, args }, () => {});
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.process.kill('SIGKILL');
    await this.ended;
  }
}

/** Answers the calls of the parent process, and ends with it. */
export function answerCalls(methods: object): void {
  process.on('message', async ({ id, method, args }: { id: number; method: string; args: unknown[] }) => {
    let reply: Reply;
    try {
      reply = { id, value: await (methods as Record<string, (...args: unknown[]) => unknown>)[method]?.(...args) };
    } catch (error) {
      reply = { id, error: String((error as Error).stack) };
    }
    process.send?.(reply);
  });
  process.on('disconnect', () => process.exit());
  // It may have ended before there was a listener.
  if (!process.connected) process.exit();
}

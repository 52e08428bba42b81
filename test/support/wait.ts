/** How long anything may take before it counts as hung, in ms. Only a test that fails waits so long. */
export const LIMIT = 60_000;

/** The next event of that name: its arguments. */
export function event(emitter: unknown, name: string): Promise<unknown[]> {
  const source = emitter as { once(name: string, listener: (...args: unknown[]) => void): void };
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`No '${name}' within ${LIMIT} ms`)), LIMIT);
    source.once(name, (...args) => {
      clearTimeout(timer);
      resolve(args);
    });
  });
}

/** Resolves once the condition holds; looks again every few ms, and rejects when it takes too long. */
export async function until(condition: () => unknown): Promise<void> {
  const deadline = Date.now() + LIMIT;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Not within ${LIMIT} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Resolves once the condition holds, or after that many ms: for what is tried again. */
export async function within(ms: number, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + ms;
  while (!condition() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Resolves once the assertions pass; tries again every few ms, and rejects with the last failure when it takes too long. */
export async function eventually<Result>(assertions: () => Result | Promise<Result>): Promise<Result> {
  const deadline = Date.now() + LIMIT;
  for (;;) {
    try {
      return await assertions();
    } catch (failure) {
      if (Date.now() > deadline) throw failure;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** The next event of that name: its arguments. */
export function event(emitter: unknown, name: string, within = 5_000): Promise<unknown[]> {
  const source = emitter as { once(name: string, listener: (...args: unknown[]) => void): void };
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`No '${name}' within ${within} ms`)), within);
    source.once(name, (...args) => {
      clearTimeout(timer);
      resolve(args);
    });
  });
}

/** Resolves once the condition holds; looks again at the end of each turn, and rejects when it takes too long. */
export async function until(condition: () => boolean, within = 5_000): Promise<void> {
  const deadline = Date.now() + within;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`Not within ${within} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

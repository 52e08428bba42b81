/** Keeps the event loop busy for so many ms. */
export function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

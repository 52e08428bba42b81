/** How much processor time a task takes from this process, in ms. Unlike the time on the clock, other programs hardly change it. */
export async function processorTime(task: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await task();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

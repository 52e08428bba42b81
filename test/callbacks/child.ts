import { until } from '../support/wait.js';
import { Bed } from './bed.js';
import type { Case } from './case.js';
import { groups } from './cases.js';
import { failures } from './failures.js';

// Runs the cases of one group in a process of its own, and sends what went wrong: node child.mjs GROUP [PART OF A TITLE].

const wrong: string[] = [];
let now = '';
let crashes = 0;
let warnings = 0;
for (const event of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(event, (error: unknown) => {
    if (++crashes <= 20) wrong.push(`${now}: ${event} ${stackOf(error)}`);
  });
process.on('warning', () => {
  warnings += 1;
});

function stackOf(error: unknown): string {
  try {
    return (error as Error).stack?.slice(0, 500) ?? '';
  } catch {
    return '';
  }
}

/** Resolves when rejections that nothing handles, and warnings, have been reported. */
async function turns(): Promise<void> {
  for (let count = 0; count < 3; count++) await new Promise((resolve) => setImmediate(resolve));
}

async function runCase(one: Case, heard: boolean): Promise<void> {
  const { place, name, options, before, beyond, silent } = one;
  const title = `${place}${name === undefined ? '' : `, ${name}`}${heard ? ', heard' : ''}`;
  let shared: Bed | undefined;
  const leave = async (bed: Bed): Promise<void> => {
    const left = await bed.leave();
    if (left > 0) wrong.push(`${title}: ${left} connections are left`);
  };
  for (const [index, failure] of failures.entries()) {
    if (!failure.isCommon && index % 3 !== place.length % 3) continue;
    // An error is thrown with listeners and without, the odder failures in one of these ways.
    if ((index + (heard ? 1 : 0)) % 2 !== 0 && !/an error/.test(failure.name)) continue;
    if (beyond?.[0].test(failure.name)) continue;
    now = `${title}: ${failure.name}`;
    const before_ = [crashes, warnings] as const;
    const isOwn = options !== undefined || before !== undefined;
    if (!isOwn) shared ??= await Bed.make({}, heard);
    const bed = shared ?? (await Bed.make(options?.(failure) ?? {}, heard, (primus) => before?.(primus, failure)));
    bed.reports.length = 0;
    await one.run(bed, failure);
    await bed.echo();
    await turns();
    if (isOwn) await leave(bed);
    const isReported = bed.reports.length > 0 || warnings > before_[1] || crashes > before_[0];
    if (heard && failure.isLoud && silent === undefined && !isReported) wrong.push(`${now}: it is not reported`);
  }
  now = title;
  if (shared !== undefined) {
    await shared.clear();
    await leave(shared);
  }
}

/** The timers that keep this process alive. */
function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}

const [, , group = '', only = ''] = process.argv;
for (const one of groups[group] ?? []) {
  if (!`${one.place}, ${one.name ?? ''}`.includes(only)) continue;
  for (const heard of [false, true]) {
    await runCase(one, heard).catch((error: unknown) => wrong.push(`${now}: ${error instanceof Error ? error.stack : String(error)}`));
  }
}
now = 'the end';
await turns();
await until(() => timers() === 0).catch(() => wrong.push(`${timers()} timers are left`));
if (process.send) process.send(wrong, () => process.exit());
else console.log(wrong.join('\n'));

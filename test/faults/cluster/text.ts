import type { ClusterResult } from './run.js';

/** Formats the figures of a run. */
export function describe(result: ClusterResult): string {
  const { faults, seconds, confirmed, received, gaps, noticed, flooded, converged, roomsLost, asked, kinds, errors } = result;
  const ms = (time: number) => `${Math.round(time)} ms`;
  return [
    `${faults} faults in ${seconds.toFixed(0)} s`,
    `  ${confirmed} messages of histories confirmed, ${received.histories} received; recovered ${result.recovered.messages} in ${result.recovered.times} reconnections; gaps: ${tally(gaps)}`,
    `  ${received.rooms} messages of rooms received, ${roomsLost} lost; ${asked} questions`,
    `  noticed after: death ${ms(noticed.death)}, silence ${ms(noticed.silence)}; all agreed after ${ms(converged.time)} (${converged.fault})`,
    ...(flooded.first > 0
      ? [`  flooded without an engine: ${(flooded.memory / 2 ** 20).toFixed(1)} MB more memory, ${flooded.lost} messages known as lost`]
      : []),
    `  ${tally(kinds)}`,
    `  logged: ${tally(errors)}`,
  ].join('\n');
}

function tally(counts: Record<string, number>): string {
  const list = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  return list.length === 0 ? '0' : list.join(', ');
}

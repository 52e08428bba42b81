import type { DirectionResult, TrafficResult } from './run.js';

/** Formats the figures of a run. */
export function describe(result: TrafficResult): string {
  const { faults, seconds, sessions, connections, resumed, gaps, away, kinds, toServer, toClient } = result;
  return [
    `${faults} faults in ${seconds.toFixed(0)} s, ${sessions ? 'with' : 'without'} sessions, longest time away ${Math.round(away)} ms`,
    `  to the server: ${counts(toServer)}`,
    `  to the client: ${counts(toClient)}`,
    `  ${connections} new connections; resumed: server ${resumed.server}, client ${resumed.client}; ` +
      `gaps: server ${tally(gaps.server)}, client ${tally(gaps.client)}`,
    `  ${Object.entries(kinds)
      .map(([kind, count]) => `${count} ${kind}`)
      .join(', ')}`,
  ].join('\n');
}

function counts({ written, lost, unexplained, doubled, reordered, corrupt }: DirectionResult): string {
  const percent = ((100 * lost) / Math.max(1, written)).toFixed(1);
  return `${written} messages, ${lost} lost (${percent} %), ${unexplained} without a gap, ${doubled} doubled, ${reordered} reordered, ${corrupt} corrupt`;
}

function tally(reasons: readonly string[]): string {
  const count: Record<string, number> = {};
  for (const reason of reasons) count[reason] = (count[reason] ?? 0) + 1;
  const list = Object.entries(count).map(([reason, times]) => `${times} ${reason}`);
  return list.length === 0 ? '0' : list.join(' + ');
}

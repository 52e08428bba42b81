import type { Cost } from './run.js';
import { isWithinLimits } from './run.js';

const HEADINGS = [
  'transformer',
  'parser',
  'compression',
  'attack',
  'memory',
  'stall',
  'others wait',
  'lost',
  'descriptors left',
  '',
] as const;

/** The costs as a table in Markdown. */
export function table(costs: readonly Cost[]): string {
  const rows = costs.map(row);
  return [`| ${HEADINGS.join(' | ')} |`, `|${HEADINGS.map(() => '---').join('|')}|`, ...rows].join('\n');
}

export function row(cost: Cost): string {
  const { transformer, parser, compression, attack, memory, stall, latency, lost, descriptors, failure } = cost;
  const verdict =
    failure !== undefined ? `**failed**: ${failure.split('\n').slice(0, 12).join(' ')}` : isWithinLimits(cost) ? '' : '**over**';
  const cells = [
    transformer,
    parser,
    compression ? 'on' : 'off',
    attack,
    `${(memory / 2 ** 20).toFixed(0)} MB`,
    `${stall.toFixed(0)} ms`,
    `${latency.toFixed(0)} ms`,
    lost,
    descriptors,
    verdict,
  ];
  return `| ${cells.join(' | ')} |`;
}

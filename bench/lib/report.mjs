// The tables, for the terminal and for RESULTS.md.
import { spread } from './stats.mjs';

const TITLES = {
  'primus-rx': "primus-rx, `on('data')`",
  'primus-rx-resume': 'primus-rx, sessions',
  'primus-rx-stream': 'primus-rx, `data$`',
  'primus-rx-uws': 'primus-rx, uws',
};

const NAMES = { uws: 'uWebSockets.js' };

const title = (peer, versions) => TITLES[peer] ?? [NAMES[peer] ?? peer, versions[peer]].filter(Boolean).join(' ');

const digits = (value) => (value < 10 ? value.toFixed(2) : value.toFixed(1));

/**
 * The figures of one measure: per peer the median and quarters of its rounds, and of its ratio to ws. Ratios are taken
 * round by round, so that a machine that slows down for a while slows both sides of them.
 *
 * @param samples per peer, the results of its rounds; the n-th of each peer were taken next to each other
 */
export function summarise(measure, samples) {
  const rows = [];
  for (const [key, figure] of Object.entries(measure.figures)) {
    for (const [peer, rounds] of Object.entries(samples)) {
      const reference = samples.ws;
      rows.push({
        key,
        figure,
        peer,
        value: spread(rounds.map((round) => round[key])),
        ratio: reference && spread(rounds.map((round, i) => round[key] / reference[i][key])),
        // CPU time has a system part and a rate beside it; memory has neither.
        system: measure.rate && spread(rounds.map((round) => round.system)).median,
        rate: measure.rate && spread(rounds.map((round) => round.rate)).median,
        cost: peer === 'primus-rx-resume' ? costOfSessions(key, figure, samples) : undefined,
      });
    }
  }
  return rows;
}

/** Returns the cost of sessions: against the same package without them, round by round, or by themselves. `undefined` for a figure without a limit. */
function costOfSessions(key, { unit, limit, sessions = {} }, { 'primus-rx': without, 'primus-rx-resume': rounds }) {
  const cost = (kind, most, of) => ({ kind, limit: most, ...spread(rounds.map((round, i) => of(round[key], without?.[i][key]))) });
  if (limit !== undefined) return cost(unit, limit, (value) => value);
  if (without === undefined) return undefined;
  if (sessions.ratio !== undefined) return cost('x', sessions.ratio, (value, base) => value / base);
  if (sessions.more !== undefined) return cost(`${unit} more`, sessions.more, (value, base) => value - base);
  return undefined;
}

/** The figures of sessions with their limits, as Markdown; `isOver` when one is over its limit. */
export function limits(results) {
  const rows = results.flatMap(({ measure, rows }) =>
    rows.filter(({ cost }) => cost).map(({ figure, cost }) => ({ measure, figure, cost })),
  );
  const lines = rows.map(({ measure, figure, cost: { kind, limit, median, low, high } }) => [
    `${measure.name}, ${figure.title}`,
    `**${digits(median)}** ${kind}`,
    `${digits(low)} – ${digits(high)}`,
    `${digits(limit)} ${kind}`,
    median > limit ? 'over the limit' : 'ok',
  ]);
  return {
    text: lines.length === 0 ? '' : table(['cost of sessions', 'median', 'quarters', 'limit', 'verdict'], lines),
    isOver: rows.some(({ cost }) => cost.median > cost.limit),
  };
}

/** One measure as Markdown. */
export function section({ measure, size, rounds, rows }, versions) {
  const several = Object.keys(measure.figures).length > 1;
  const hasRatios = measure.only === undefined;
  const head = [
    'peer',
    ...(several ? ['figure'] : []),
    'median',
    'quarters',
    ...(hasRatios ? ['ratio to ws', 'quarters'] : []),
    ...(measure.rate ? ['of it system', measure.rate] : []),
  ];
  const lines = rows.map(({ figure, peer, value, ratio, system, rate }) => [
    title(peer, versions),
    ...(several ? [figure.title] : []),
    `${digits(value.median)} ${figure.unit}`,
    `${digits(value.low)} – ${digits(value.high)}`,
    ...(hasRatios
      ? [ratio ? `**${ratio.median.toFixed(2)}**` : '', ratio ? `${ratio.low.toFixed(2)} – ${ratio.high.toFixed(2)}` : '']
      : []),
    ...(measure.rate ? [`${digits(system)} ${figure.unit}`, (Math.round(rate / 100) * 100).toLocaleString('en')] : []),
  ]);
  return `## ${measure.title}\n\n${capital(measure.describe(size))}; ${many(rounds, 'round')} in ${many(size.generations, 'process', 'es')}.\n\n${table(head, lines)}`;
}

/** The peers of the overview; more columns would be hard to read. The sections have all peers. */
const MAIN = ['ws', 'primus', 'primus-rx', 'primus-rx-stream', 'uws', 'primus-rx-uws'];

/** The ratios of the main peers at a glance. */
export function overview(results, versions) {
  const compared = results.filter(({ measure }) => measure.only === undefined);
  if (compared.length === 0) return '';
  const measured = new Set(compared.flatMap(({ rows }) => rows.map(({ peer }) => peer)));
  const peers = MAIN.filter((peer) => measured.has(peer));
  const lines = compared.flatMap(({ measure, rows }) =>
    Object.entries(measure.figures).map(([key, figure]) => [
      `${measure.name}, ${figure.title}`,
      ...peers.map((peer) => rows.find((row) => row.peer === peer && row.key === key)?.ratio?.median.toFixed(2) ?? '–'),
    ]),
  );
  return table(['ratio to ws', ...peers.map((peer) => title(peer, versions))], lines);
}

function table(head, lines) {
  const widths = head.map((_, column) => Math.max(...[head, ...lines].map((line) => line[column].length)));
  const row = (cells) =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join(' | ')} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [row(head), rule, ...lines.map(row)].join('\n');
}

const many = (count, word, plural = 's') => `${count} ${word}${count === 1 ? '' : plural}`;

const capital = (sentence) => sentence[0].toUpperCase() + sentence.slice(1);

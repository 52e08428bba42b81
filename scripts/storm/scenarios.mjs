import { crashes, peak, reached, restart, simulate, WINDOW } from './simulate.mjs';

const SEED = 1;

/** The figures of a run, as cells of a table. */
const FIGURES = {
  'attempts per client': ({ total, clients }) => (total / clients).toFixed(1),
  [`most attempts in ${WINDOW} ms`]: (run) => count(peak(run)),
  'half connected after': (run) => seconds(reached(run, 0.5)),
  'all connected after': (run) => seconds(reached(run, 1)),
  'gave up': ({ gaveUp, clients }) => (gaveUp === 0 ? '0' : `${((100 * gaveUp) / clients).toFixed()} %`),
};

/**
 * The scenarios, by name: what the server does, the policies that are compared, and the figures that show the difference. `operators` is the
 * module `primus-rx/operators`; times are in ms.
 */
export function scenarios(operators) {
  const { composePolicy, constant, decorrelatedJitter, equalJitter, exponential, fullJitter, interactive } = operators;
  const { untilStable, withRetryAfter } = operators;
  /** Never gives up; `base` is that of most tables. */
  const going = (random) => ({ max: '30 s', retries: Infinity, random });
  return {
    restart: {
      server: (clients) => restart({ back: 10_000, perSecond: clients / 20 }),
      limit: 120_000,
      figures: FIGURES,
      policies: {
        'interactive()': (random) => interactive({ random }),
        'exponential(), the default': (random) => exponential({ random }),
        'fullJitter(…)': (random) => fullJitter(going(random)),
        'equalJitter(…)': (random) => equalJitter(going(random)),
        'decorrelatedJitter(…)': (random) => decorrelatedJitter(going(random)),
        "constant('10 s', …)": () => constant('10 s', { retries: Infinity }),
      },
    },
    'retry-after': {
      server: (clients) => restart({ back: 0, perSecond: clients / 20, retryAfter: 10_000 }),
      limit: 120_000,
      figures: FIGURES,
      policies: {
        'interactive(), with withRetryAfter()': (random) => interactive({ random }),
        'withRetryAfter({ spread: 1 })': (random) => composePolicy(exponential(going(random)), withRetryAfter({ spread: 1, random })),
        'withRetryAfter({ spread: 0 })': (random) => composePolicy(exponential(going(random)), withRetryAfter({ spread: 0, random })),
        'exactly what the server asks for': () => (_attempt, error) => error.retryAfter,
      },
    },
    crashes: {
      server: () => crashes({ every: 20_000, until: 120_000 }),
      limit: 180_000,
      figures: {
        'attempts per client': FIGURES['attempts per client'],
        ...Object.fromEntries(
          [1, 2, 3, 4, 5, 6].map((crash) => [`crash ${crash}`, (run) => count(peak(run, 20_000 * (crash - 1), 20_000 * crash))]),
        ),
      },
      policies: {
        'interactive()': (random) => interactive({ random }),
        "interactive() with untilStable('1 minute')": (random) => composePolicy(interactive({ random }), untilStable('1 minute')),
      },
    },
  };
}

/** Runs the policies of a scenario, each with the same seed. `reconnect` is the operator, `randomFrom` makes a source of random numbers from a seed. */
export function runs({ server, limit, policies }, clients, { reconnect, randomFrom }) {
  const results = Object.entries(policies).map(([name, create]) => {
    const policy = create(randomFrom(SEED));
    return [name, simulate({ clients, policy, server: server(clients), reconnect, limit })];
  });
  return Object.fromEntries(results);
}

/** The table of a scenario, in Markdown. */
export function table({ figures }, results) {
  const rows = Object.entries(results).map(([name, run]) => [
    name.replace(/\w+\([^)]*\)/g, '`$&`'),
    ...Object.values(figures).map((figure) => figure(run)),
  ]);
  const head = ['policy', ...Object.keys(figures)];
  return [head, head.map((_, column) => (column === 0 ? '---' : '--:')), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function count(number) {
  return number.toLocaleString('en-US');
}

function seconds(ms) {
  return ms === undefined ? 'not in 2 minutes' : `${(ms / 1_000).toFixed(1)} s`;
}

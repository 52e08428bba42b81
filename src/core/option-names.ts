/** The names of all options: one object of options may serve server and client. */
export const OPTION_NAMES = [
  // Both.
  'pathname',
  'parser',
  'transformer',
  'transport',
  'compression',
  'maxLength',
  'plugin',
  'credentials',
  'headers',
  'resume',
  'scheduler',
  // The server.
  'pingInterval',
  'global',
  'minify',
  'maxBuffer',
  'maxMemory',
  'maxMessageRate',
  'maxDepth',
  'maxValues',
  'idGenerator',
  'authorization',
  'authorizationTimeout',
  'connectionTimeout',
  'handshakeTimeout',
  'idleTimeout',
  'maxConnections',
  'maxConnectionsPerAddress',
  'maxSessionsPerAddress',
  'refuseWithClose',
  'trustProxy',
  'whitelist',
  'iknowclusterwillbreakconnections',
  'origins',
  'methods',
  'maxAge',
  'exposed',
  // `createServer`.
  'port',
  'host',
  'hostname',
  'root',
  'cert',
  'key',
  'ca',
  'pfx',
  'crl',
  'passphrase',
  'http2',
  'spdy',
  'iknowhttpsisbetter',
  'listening',
  'error',
  'request',
  // The client.
  'reconnect',
  'backoff',
  'timeout',
  'pingTimeout',
  'strategy',
  'manual',
  'network',
  'websockets',
  'queueBytes',
  'queueSize',
  'queueTtl',
  'queueDrop',
  'url',
  'uri',
] as const;

/** The names of the settings of `reconnect` and `backoff`. */
const SETTINGS = ['max', 'min', 'retries', 'reconnect timeout', 'factor', 'minDelay', 'maxDelay'] as const;

/** Options of published plugins that are close to one of ours: `method` is omega-supreme's. */
const OF_PLUGINS = new Set(['method']);

/** An option that is probably misspelled, and the name that was probably meant. */
export type Misspelled = readonly [given: string, meant: string];

/** Returns the options that are unknown and close to a known one. Any other unknown option may be a plugin's. */
export function misspelledOptions(options: object): Misspelled[] {
  const { reconnect, backoff } = options as { reconnect?: unknown; backoff?: unknown };
  return [
    ...misspelled(options, OPTION_NAMES),
    ...[reconnect, backoff].flatMap((settings) => (typeof settings === 'object' ? misspelled(settings ?? {}, SETTINGS) : [])),
  ];
}

/** Returns the sentence for one of them. */
export function misspelledMessage([given, meant]: Misspelled): string {
  return `There is no option \`${given}\`. Did you mean \`${meant}\`?`;
}

function misspelled(options: object, names: readonly string[]): Misspelled[] {
  const unknown = Object.keys(options).filter((name) => !names.includes(name) && !OF_PLUGINS.has(name));
  return unknown.flatMap((given) => {
    const meant = names.find((name) => isClose(given, name));
    return meant === undefined ? [] : [[given, meant] as const];
  });
}

/** Whether two names differ only in case, separators and number, or in one letter; long ones in two. */
function isClose(given: string, name: string): boolean {
  const [a, b] = [plain(given), plain(name)];
  if (singular(a) === singular(b)) return true;
  const allowed = b.length < 5 ? 0 : b.length < 10 ? 1 : 2;
  return Math.abs(a.length - b.length) <= allowed && distance(a, b) <= allowed;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[\s_-]/g, '');
}

function singular(name: string): string {
  return name.replace(/ies$/, 'y').replace(/s$/, '');
}

/** Counts the letters that were added, left out, replaced or exchanged with the next one: the Damerau-Levenshtein distance. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const exchanged = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (before[j - 2] as number) + 1 : changed;
      next[j] = Math.min(changed, exchanged, (row[j] as number) + 1, (next[j - 1] as number) + 1);
    }
    [before, row] = [row, next];
  }
  return row[b.length] as number;
}

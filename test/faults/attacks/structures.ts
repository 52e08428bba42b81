import { type Attack, type Attacker, everywhere } from './attacker.js';

const SIZE = 10_000_000;

/** Messages of 10 MB that are expensive for a parser of JSON. */
export const STRUCTURES: Record<string, () => string> = {
  'open brackets': () => '['.repeat(SIZE),
  'nested arrays': () => '['.repeat(SIZE / 2) + ']'.repeat(SIZE / 2),
  'nested objects': () => `${'{"a":'.repeat(SIZE / 6)}1${'}'.repeat(SIZE / 6)}`,
  '600,000 keys': () => `{${Array.from({ length: 600_000 }, (_, index) => `"k${index}":1`).join(',')}}`,
  'empty objects': () => `[${Array.from({ length: SIZE / 3 - 1 }, () => '{}').join(',')}]`,
  numbers: () => `[${'1,'.repeat(SIZE / 2 - 1)}1]`,
  'a list of a thousand keys, which jsonh unpacks': () =>
    `[1000,${Array.from({ length: 1_000 }, (_, index) => `"k${index}"`).join(',')}${',1'.repeat(SIZE / 2 - 5_000)}]`,
  escapes: () => `"${'\\u0041'.repeat(SIZE / 6 - 1)}"`,
};

/** One kind of structure, from five clients at once. */
export function structure(name: string): Attack {
  const make = STRUCTURES[name] as () => string;
  return {
    name: `10 MB of JSON: ${name}`,
    scenario: 18,
    appliesTo: ({ isBinary }) => !isBinary,
    async run(attacker: Attacker) {
      const text = make();
      if (attacker.dialect !== undefined) {
        const sockets = await attacker.webSockets(5);
        // A string of the framework around it has escapes, and may be longer than the limit.
        const load = attacker.message(text);
        return everywhere(5, (place) => attacker.write(sockets[place] as (typeof sockets)[number], load));
      }
      const sessions = await attacker.sessions(5);
      await everywhere(5, async (place) => sessions[place]?.send([text]));
    },
  };
}

/** The same from posts, where the transformer has both. */
export function postedStructure(name: string): Attack {
  const make = STRUCTURES[name] as () => string;
  return {
    name: `10 MB of JSON in posts: ${name}`,
    scenario: 18,
    appliesTo: ({ dialect, polling }) => dialect !== undefined && polling !== undefined,
    async run(attacker: Attacker) {
      const sessions = await attacker.sessions(5);
      const text = make();
      await everywhere(5, async (place) => sessions[place]?.send([text]));
    },
  };
}

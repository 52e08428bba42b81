import { BINARY, frame } from '../wire/websocket.js';
import { type Attack, type Attacker, everywhere } from './attacker.js';

const SIZE = 10_000_000;

const repeat = (hex: string, count: number) => Buffer.alloc((hex.length / 2) * count, hex, 'hex');

/** The head of a list (`dd`) or an object (`df`) with that many entries. */
function head(code: number, entries: number): Buffer {
  const bytes = Buffer.from([code, 0, 0, 0, 0]);
  bytes.writeUInt32BE(entries, 1);
  return bytes;
}

/** Messages of 10 MB that are expensive for a parser of MessagePack, or of BinaryPack, which has the same codes for these. */
const STRUCTURES: Record<string, () => Buffer> = {
  'nested lists': () => Buffer.concat([repeat('91', SIZE), repeat('00', 1)]),
  'nested objects': () => repeat('8100', SIZE / 2),
  'empty lists': () => Buffer.concat([head(0xdd, SIZE), repeat('90', SIZE)]),
  numbers: () => Buffer.concat([head(0xdd, SIZE), repeat('01', SIZE)]),
  keys: () => {
    const keys = Array.from({ length: SIZE / 10 }, (_, key) => {
      const entry = Buffer.alloc(6, 1);
      entry[0] = 0xce;
      entry.writeUInt32BE(key, 1);
      return entry;
    });
    return Buffer.concat([head(0xdf, keys.length), ...keys]);
  },
  'a length that lies': () => head(0xdd, 0xffffffff),
};

/** One kind of structure, from five clients at once. */
function structure(name: string, make: () => Buffer): Attack {
  return {
    name: `10 MB of bytes: ${name}`,
    scenario: 18,
    appliesTo: ({ dialect, isBinary }) => dialect !== undefined && isBinary,
    async run(attacker: Attacker) {
      const load = frame(BINARY, make().subarray(0, SIZE));
      const sockets = await attacker.webSockets(5);
      await everywhere(5, (place) => attacker.write(sockets[place] as (typeof sockets)[number], load));
    },
  };
}

export const BINARY_STRUCTURES: readonly Attack[] = Object.entries(STRUCTURES).map(([name, make]) => structure(name, make));

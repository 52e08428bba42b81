// Measures each parser with three messages: bytes on the wire, and µs to encode and to decode. Prints the table of docs/parsers.md.
import { binary } from 'primus-rx/parsers/binary';
import { ejson } from 'primus-rx/parsers/ejson';
import { json } from 'primus-rx/parsers/json';
import { jsonh } from 'primus-rx/parsers/jsonh';
import { msgpack } from 'primus-rx/parsers/msgpack';
import { message } from './lib/message.mjs';
import { spread } from './lib/stats.mjs';

const ROUNDS = 15;
const ROUND_MS = 20;

const rows = Array.from({ length: 100 }, (_, id) => ({ id, name: `user ${id}`, score: id * 1.5, online: id % 2 === 0 }));
const messages = { 'small object': message, '100 rows': rows, '4 kB of bytes': { name: 'part 1', data: new Uint8Array(4096).fill(7) } };

const cells = [json, ejson, jsonh, msgpack, binary].map(({ name, encode, decode }) => {
  const measured = Object.entries(messages).map(([what, value]) => {
    // JSON makes an object with 4,096 keys of it, which no application sends.
    if (what.includes('bytes') && (name === 'json' || name === 'jsonh')) return '–';
    const frame = encode(value);
    return `${Buffer.byteLength(frame)} B, ${time(() => encode(value))} / ${time(() => decode(frame))}`;
  });
  return `| \`${name}\` | ${measured.join(' | ')} |`;
});

console.log(`| | ${Object.keys(messages).join(' | ')} |`);
console.log(`|---|${'--:|'.repeat(Object.keys(messages).length)}`);
console.log(cells.join('\n'));

/** µs, the median of rounds. */
function time(run) {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const begin = performance.now();
    let count = 0;
    while (performance.now() - begin < ROUND_MS) for (let batch = 0; batch < 20; batch++, count++) run();
    return ((performance.now() - begin) * 1000) / count;
  });
  const { median } = spread(rounds.slice(ROUNDS / 3));
  return median < 10 ? median.toFixed(1) : median.toFixed(0);
}

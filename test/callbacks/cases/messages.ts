import type { Parser } from '../../../src/index.js';
import { json } from '../../../src/parsers/json.js';
import { type Bed, isInnocent } from '../bed.js';
import type { Case } from '../case.js';
import { type Failure, failing } from '../failures.js';

const EVIL = { evil: true };

/** Sends messages of every kind in both directions. */
async function talk(bed: Bed, failure: Failure, data: unknown = EVIL): Promise<void> {
  const { client, spark } = await bed.connect();
  const writes: (() => unknown)[] = [() => client.write(data), () => spark?.write(data), () => spark?.heartbeat()];
  // All clients wait for the one frame of a broadcast.
  if (!/returns|never/.test(failure.name)) writes.push(() => bed.primus.write(data));
  for (const write of writes) bed.call(write);
  await bed.echo();
  bed.call(() => spark?.end(data));
  bed.call(() => client.end(data));
}

const text = (frame: unknown) => String(frame);
const decoded = (frame: unknown) => JSON.parse(text(frame)) as unknown;

/** A parser one half of which fails for messages, but for those of the innocent client, and for control messages. */
function parserOf(half: keyof Parser, failure: Failure, isSynchronous: boolean): Parser {
  const encode = (data: unknown) => JSON.stringify(data);
  const evil = half === 'encoder' || half === 'encode' ? failing(failure, 2, encode) : failing(failure, 2, decoded);
  const fails = (name: keyof Parser, data: unknown) => name === half && !isInnocent(data) && !String(data).startsWith('primus::');
  const parser: Parser = {
    encoder: (data, done) => (fails('encoder', data) ? (evil(data, done) as undefined) : json.encoder(data, done)),
    decoder: (frame, done) => (fails('decoder', decoded(frame)) ? (evil(frame, done) as undefined) : json.decoder(frame, done)),
  };
  if (!isSynchronous) return parser;
  return {
    ...parser,
    encode: (data) => (fails('encode', data) ? (evil(data) as string) : encode(data)),
    decode: (frame) => (fails('decode', decoded(frame)) ? evil(frame) : decoded(frame)),
  };
}

function parsers(half: 'encoder' | 'decoder' | 'encode' | 'decode'): Case {
  const isSynchronous = !half.endsWith('r');
  return {
    place: `Parser.${half}`,
    options: (failure) => ({ parser: parserOf(half, failure, isSynchronous) }),
    run: talk,
    ...(isSynchronous && { beyond: [/rejects|after an await|thenable/, 'it answers at once: a promise is a value'] }),
  };
}

/** Values that fail while they are encoded. */
const VALUES: { readonly [name: string]: (fail: () => unknown) => unknown } = {
  toJSON: (fail) => ({ toJSON: fail }),
  getter: (fail) => Object.defineProperty({}, 'evil', { get: fail, enumerable: true }),
  proxy: (fail) => new Proxy({}, { get: fail, ownKeys: fail as () => string[] }),
};

export const messages: readonly Case[] = [
  ...(['incoming', 'outgoing'] as const).flatMap((direction) =>
    [1, 2].flatMap((parameters) =>
      (['primus', 'client'] as const).map(
        (end): Case => ({
          place: `${end}.transform(transformer)`,
          name: `${direction}, ${parameters} parameters`,
          run: async (bed, failure) => {
            const fail = failing(failure, parameters);
            const evil = (packet: { data: unknown }, next: () => void) => (isInnocent(packet.data) ? next() : fail(packet, next));
            const transformer =
              parameters === 2 ? evil : (packet: { data: unknown }) => (isInnocent(packet.data) ? undefined : fail(packet));
            const { client } = await bed.connect();
            const owner = end === 'primus' ? bed.primus : client;
            owner.transform(direction, transformer);
            client.write(EVIL);
            bed.primus.forEach((spark) => void (spark.query.guilty && spark.write(EVIL)));
            await bed.echo();
            bed.primus.forEach((spark) => void (spark.query.guilty && spark.end(EVIL, { reconnect: true })));
            client.end(EVIL);
            bed.primus.transformers.incoming.length = bed.primus.transformers.outgoing.length = 0;
          },
        }),
      ),
    ),
  ),
  ...(['encoder', 'decoder', 'encode', 'decode'] as const).map(parsers),
  ...Object.entries(VALUES).map(
    ([name, make]): Case => ({
      place: 'primus.write(data)',
      name,
      beyond: [/rejects|after an await|thenable/, 'a promise is a value'],
      run: (bed, failure) => talk(bed, failure, make(failing(failure))),
    }),
  ),
];

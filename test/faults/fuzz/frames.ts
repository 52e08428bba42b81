import { constants, deflateRawSync } from 'node:zlib';
import { DIALECTS } from '../wire/dialects.js';
import { BINARY, CLOSE, CONTINUATION, closing, frame, handshake, PING, PONG, TEXT } from '../wire/websocket.js';
import { mutate } from './mutate.js';
import { packet } from './packets.js';
import type { Random } from './random.js';
import { type FuzzContext, type Fuzzer, leaving, type Step } from './script.js';
import { encode, value } from './values.js';

/** Frames behind a valid handshake: mostly valid ones with odd messages, so that a connection lives for a while. */
export const frames: Fuzzer = {
  name: 'frames',
  appliesTo: ({ transformer }) => DIALECTS[transformer] !== undefined,
  script(random, context) {
    const dialect = DIALECTS[context.transformer];
    const raw = context.transformer === 'sockjs' && random.chance(0.2) ? '/primus/websocket' : undefined;
    const target = raw ?? dialect?.target('') ?? '/primus';
    const parts = random.list(1, 40, () => part(random, context));
    const greeting = random.chance(0.95) ? (dialect?.greeting ?? []).map((text) => frame(TEXT, text)) : [];
    const early = random.chance(0.1);
    const open: Step = {
      bytes: Buffer.from(handshake(target, { compression: context.compression })),
      ...(!early && { until: /\r\n\r\n/ }),
    };
    const bytes = Buffer.concat([...greeting, ...parts]);
    // Frames do not end where segments do.
    const split = random.chance(0.3) ? random.int(0, bytes.length) : bytes.length;
    return {
      steps: [open, { bytes: bytes.subarray(0, split) }, { bytes: bytes.subarray(split) }],
      inputs: parts.length,
      leaves: leaving(random),
    };
  },
};

/** One message or control frame, or a few frames that are one message. */
function part(random: Random, context: FuzzContext): Buffer {
  const kind = random.real();
  if (kind < 0.6) return whole(message(random, context), true);
  if (kind < 0.7) return fragments(random, context);
  if (kind < 0.8) return control(random);
  if (kind < 0.9 && context.compression) return compressed(random, context);
  if (kind < 0.95) return whole(message(random, context), false);
  return malformed(random, context);
}

/** The payload of a message: a frame of the parser, often mutated, within what the framework puts around it. */
function message(random: Random, { transformer, parser }: FuzzContext): string | Buffer {
  const valid = encode(parser, value(random));
  if (!random.chance(0.4)) return packet(random, transformer, valid);
  const mutated = mutate(random, valid);
  return packet(random, transformer, typeof valid === 'string' ? mutated.toString() : mutated);
}

/** A message in one frame, of the kind that suits it or of the other one. */
function whole(payload: string | Buffer, suits: boolean): Buffer {
  return frame((typeof payload === 'string') === suits ? TEXT : BINARY, payload);
}

function fragments(random: Random, context: FuzzContext): Buffer {
  const payload = Buffer.from(message(random, context));
  const ends = random.list(1, 4, () => random.int(0, payload.length)).sort((a, b) => a - b);
  const parts = [0, ...ends].map((start, index) => payload.subarray(start, ends[index] ?? payload.length));
  return Buffer.concat(
    parts.flatMap((each, index) => {
      const one = frame(index === 0 ? TEXT : CONTINUATION, each, { fin: index === parts.length - 1 });
      return random.chance(0.1) ? [one, frame(PING, 'between')] : [one];
    }),
  );
}

function control(random: Random): Buffer {
  const opcode = random.pick([PING, PONG]);
  if (random.chance(0.9)) return frame(opcode, random.bytes(0, 125));
  const code = random.pick([0, 999, 1000, 1001, 1004, 1005, 1006, 1007, 1015, 2999, 3000, 4999, 5000, 65_535]);
  return frame(CLOSE, random.pick([Buffer.alloc(0), Buffer.alloc(1), closing(code), closing(code, 'é'.repeat(60)), random.bytes(0, 125)]));
}

function compressed(random: Random, context: FuzzContext): Buffer {
  const payload = Buffer.from(message(random, context));
  const deflated = deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  return frame(TEXT, random.chance(0.1) ? mutate(random, deflated) : deflated, { reserved: 4 });
}

/** Headers that no client sends. */
function malformed(random: Random, context: FuzzContext): Buffer {
  const payload = Buffer.from(message(random, context));
  return random.pick([
    () => frame(random.int(0, 15), payload, { fin: random.chance(0.5), reserved: random.int(0, 7), masked: random.chance(0.8) }),
    () => frame(TEXT, payload, { length: random.pick([0, 125, 126, 65_535, 65_536, 2 ** 31, 2 ** 53 - 1]) }),
    () => frame(TEXT, random.bytes(0, 60)),
    () => frame(TEXT, Buffer.from([0xc3, 0x28, 0xed, 0xa0, 0x80])),
    () => frame(PING, Buffer.alloc(126)),
    () => frame(PING, '', { fin: false }),
    () => mutate(random, frame(TEXT, payload)),
    () => random.bytes(1, 30),
  ])();
}

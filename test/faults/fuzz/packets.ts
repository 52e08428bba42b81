import { DIALECTS } from '../wire/dialects.js';
import { mutate } from './mutate.js';
import type { Random } from './random.js';

/** One message of a framework as its client puts it in a WebSocket: the text around a frame of ours, often in odd ways. */
export function packet(random: Random, transformer: string, frame: string | Buffer): string | Buffer {
  const make = PACKETS[transformer];
  if (make === undefined || random.chance(0.4)) return plain(transformer, frame);
  const made = make(random, frame);
  return random.chance(0.3) ? mutate(random, made) : made;
}

/** As a well-behaved client puts it. */
function plain(transformer: string, frame: string | Buffer): string | Buffer {
  if (typeof frame === 'string') return DIALECTS[transformer]?.wrap(frame) ?? frame;
  return transformer === 'sockjs' ? JSON.stringify([asString(frame)]) : frame;
}

/** Bytes in frameworks that know strings only: docs/protocol.md. */
export function asString(frame: string | Buffer): string {
  if (typeof frame !== 'string') return `\0b${frame.toString('base64')}`;
  return frame.startsWith('\0') ? `\0t${frame}` : frame;
}

const PACKETS: Record<string, (random: Random, frame: string | Buffer) => string | Buffer> = {
  'engine.io': engineIO,
  'socket.io': (random, frame) => (random.chance(0.2) ? engineIO(random, frame) : `4${socketIO(random, frame)}`),
  sockjs: sockJS,
};

/** Type digits, known and unknown, with and without what belongs to them. */
function engineIO(random: Random, frame: string | Buffer): string {
  const data = frame.toString();
  return random.pick([
    () => '2',
    () => '2probe',
    () => '3',
    () => '3probe',
    () => '5',
    () => '6',
    () => '1',
    () => `0{"sid":"${random.word()}"}`,
    () => `b${Buffer.from(data).toString('base64')}`,
    () => `b${data}`,
    () => `${random.int(0, 9)}${data}`,
    () => `4${data}\x1e4${data}`,
    () => `${data.length + 1}:4${data}`,
    () => '',
  ])();
}

/** `<type>[attachments-][namespace,][id][json]`, with odd parts. */
function socketIO(random: Random, frame: string | Buffer): string {
  const data = frame.toString();
  const type = random.int(0, 7);
  const attachments = random.chance(0.3) ? `${random.pick([0, 1, 2, 11, 999_999, -1, 'x'])}-` : '';
  const namespace = random.chance(0.3) ? random.pick(['/', '/other', '/__proto__', '/?a=b', '//', '/a,']) : '';
  const id = random.chance(0.3) ? random.pick(['0', '1', '99999999999999999999', '-1', '1e3']) : '';
  const body = random.pick([
    () => JSON.stringify(['message', data]),
    () => JSON.stringify(['message']),
    () => JSON.stringify(['message', data, data]),
    () => JSON.stringify([random.pick(['connect', 'disconnect', 'error', 'newListener', '__proto__', 'constructor', 'disconnecting'])]),
    () => JSON.stringify(['message', { _placeholder: true, num: random.int(-1, 3) }]),
    () => JSON.stringify([[], {}, null, 1]),
    () => JSON.stringify({ token: data }),
    () => 'null',
    () => '""',
    () => '[]',
    () => '',
    () => data,
  ])();
  return `${type}${attachments}${namespace === '' ? '' : `${namespace},`}${id}${body}`;
}

/** Arrays of strings, and what is none. */
function sockJS(random: Random, frame: string | Buffer): string {
  const data = asString(frame);
  return random.pick([
    () => JSON.stringify([data, data, data]),
    () => JSON.stringify(data),
    () => JSON.stringify([[data]]),
    () => JSON.stringify([null, 1, {}, data]),
    () => JSON.stringify([`\0b${random.pick(['', '!', '====', 'QUI', data])}`]),
    () => JSON.stringify([`\0t${data}`, '\0', '\0x', '\0b', '\0t']),
    () => JSON.stringify({ 0: data, length: 1 }),
    () => '[]',
    () => '',
    () => '[""]',
    () => 'null',
    () => data,
  ])();
}

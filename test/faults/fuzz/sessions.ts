import { DIALECTS, POLLING, type PollRequest, requestText } from '../wire/dialects.js';
import { frame, handshake, TEXT } from '../wire/websocket.js';
import { mutate } from './mutate.js';
import { asString, packet } from './packets.js';
import type { Random } from './random.js';
import { type FuzzContext, type Fuzzer, leaving, type Step } from './script.js';
import { encode, value } from './values.js';

/** Sessions over requests: a valid one is opened, then come odd requests for it, pipelined and out of order. */
export const sessions: Fuzzer = {
  name: 'sessions',
  appliesTo: ({ transformer }) => POLLING[transformer] !== undefined,
  script(random, context) {
    const polling = POLLING[context.transformer];
    if (polling === undefined) throw new Error('It has no sessions over requests');
    const opening: PollRequest = { ...polling.open('') };
    if (opening.session !== undefined) {
      const chosen = random.word();
      opening.target = opening.target.replace(opening.session, chosen);
      opening.session = chosen;
    }
    const requests = random.list(1, 12, (turn) => request(random, context, turn + 1));
    const steps: Step[] = [
      { bytes: Buffer.from(requestText(opening)), until: /\r\n\r\n[\s\S]+/ },
      { bytes: (answers) => Buffer.concat(requests.map((make) => make(polling.session(answers, opening) ?? 'unknown'))) },
    ];
    return { steps, inputs: requests.length, leaves: leaving(random) };
  },
};

/** A request that is complete once the id of the session is known. All choices are made before. */
function request(random: Random, context: FuzzContext, turn: number): (session: string) => Buffer {
  const polling = POLLING[context.transformer];
  if (polling === undefined) return () => Buffer.alloc(0);
  // The place of an id that is known later.
  const ID = 'SESSION0SESSION0';
  const kind = random.real();
  let text: string | Buffer;
  if (kind < 0.6) text = send(random, context, polling.send(ID, messages(random, context), turn));
  else if (kind < 0.75) text = requestText(polling.poll(ID));
  else if (kind < 0.8)
    text = requestText({ ...polling.poll(ID), method: random.pick(['OPTIONS', 'HEAD', 'PUT', 'DELETE', 'POST', 'GET']) });
  else if (kind < 0.85) text = upgrade(random, context, ID);
  else text = mutate(random, requestText(polling.send(ID, messages(random, context), turn + random.int(-1, 2))));

  const wrong = random.chance(0.05) ? random.pick(['__proto__', 'constructor', 'unknown', '', '%00', 'x'.repeat(500)]) : undefined;
  return (session) => Buffer.from(text.toString('latin1').replaceAll(ID, wrong ?? session), 'latin1');
}

function messages(random: Random, { parser }: FuzzContext): string[] {
  return random.list(0, 4, () => asString(encode(parser, value(random))));
}

/** The request with another body, whose length may be wrong. */
function send(random: Random, { transformer }: FuzzContext, valid: PollRequest): Buffer {
  if (random.chance(0.3)) return Buffer.from(requestText(valid));
  const body = random.chance(0.5) ? mutate(random, valid.body ?? '') : Buffer.from(oddBody(random, transformer, valid.body ?? ''));
  const type = random.chance(0.1)
    ? { 'Content-Type': random.pick(['', 'application/octet-stream', 'application/json', 'text/xml', 'application/x-www-form-urlencoded']) }
    : {};
  const { method, target, headers } = valid;
  const head = requestText({ method, target, headers: { ...headers, ...type }, body: '' });
  const length = random.chance(0.05) ? random.int(0, 100) : body.length;
  return Buffer.concat([Buffer.from(head.replace('Content-Length: 0', `Content-Length: ${length}`)), body]);
}

/** Bodies that the framework's own client never sends. */
function oddBody(random: Random, transformer: string, body: string): string {
  if (transformer === 'browserchannel') {
    return random.pick([
      () =>
        `count=${random.pick([-1, 0, 1, 2, 1e9, 'x', ''])}&ofs=${random.pick([-1, 0, 1, 1e9, 'x', ''])}&req0__S=a&req1_JSON={}&req0_x=1`,
      () => `count=1&ofs=0&req0___proto__=a&req0_constructor=b&req0__S=${body}`,
      () => `count=1&ofs=0&req0_JSON=${random.pick(['{', 'null', '[]', '1e999', '"\\ud800"'])}`,
      () => `${'a=b&'.repeat(random.int(1, 3_000))}count=1`,
      () => JSON.stringify({ ofs: random.pick([0, -1, null, '0', {}]), data: random.pick([['a'], [null, {}], {}, null, 'a']) }),
    ])();
  }
  return random.pick([
    () => packet(random, transformer, body).toString(),
    () => `${packet(random, transformer, body)}\x1e${packet(random, transformer, '')}`,
    () => `d=${encodeURIComponent(body)}`,
    () => body.repeat(random.int(0, 20)),
    () => '\x1e'.repeat(random.int(1, 300)),
  ])();
}

/** The upgrade of a session to a WebSocket, as engine.io has it, at odd moments. */
function upgrade(random: Random, { transformer, compression }: FuzzContext, session: string): Buffer {
  const target = DIALECTS[transformer]?.target(`sid=${session}`) ?? `/primus?sid=${session}`;
  const packets = random.list(0, 4, () => frame(TEXT, random.pick(['2probe', '5', '3probe', '2', '4"a"', '1', '42["message","1"]'])));
  return Buffer.concat([Buffer.from(handshake(target, { compression })), ...packets]);
}

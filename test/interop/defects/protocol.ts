import { once } from 'node:events';
import { until } from '../../support/wait.js';
import { type Any, type Defect, pause, type Stage } from './stage.js';

/** A parser that sends strings unchanged. Its functions are served to the client as source. */
const strings = {
  encoder: (data: Any, done: (error: unknown, frame?: unknown) => void) => done(null, data),
  decoder: (frame: Any, done: (error: unknown, data?: unknown) => void) => done(null, String(frame)),
};

export const protocol: Defect[] = [
  {
    no: '1a',
    name: 'a string that the server’s user writes is not handled as a control message by the client',
    async scenario(stage) {
      const { spark, client } = await stage.pair();
      const written = spark.write('primus::server::close');
      // The answer to the next message shows that this one was read.
      const answered = once(spark, 'data');
      client.on('data', () => client.write('had'));
      spark.write('next');
      await answered;
      const outcome = Promise.race(['reconnected', 'end'].map((event) => once(client, event).then(() => event)));
      spark.socket.terminate();
      return { written, reconnects: (await outcome) === 'reconnected' };
    },
    ours: { written: false, reconnects: true },
    original: { written: true, reconnects: false },
  },
  {
    no: '1b',
    name: 'a string that the client’s user writes is not handled as a control message by the server',
    async scenario(stage) {
      const { spark, client } = await stage.pair({ pingInterval: false });
      const seen: unknown[] = [];
      spark.on('heartbeat', () => seen.push('heartbeat'));
      spark.on('data', (data: unknown) => seen.push(data));
      const written = client.write('primus::pong::1');
      client.write('next');
      await until(() => seen.includes('next'));
      return { written, seen };
    },
    ours: { written: false, seen: ['next'] },
    original: { written: true, seen: ['heartbeat', 'next'] },
  },
  {
    no: '5a',
    name: 'a client that sends messages but no pongs is alive',
    async scenario(stage) {
      const { primus, port } = await stage.serve({ pingInterval: 1_000 });
      const socket = await stage.stranger(port);
      let messages = 0;
      let ended = false;
      await until(() => primus.connected === 1);
      primus.forEach((spark: Any) => {
        spark.on('data', () => messages++);
        spark.on('end', () => {
          ended = true;
        });
      });
      const speaking = setInterval(() => socket.readyState === socket.OPEN && socket.send('"here"'), 10);
      await until(() => ended || messages > 220);
      clearInterval(speaking);
      return { ended };
    },
    ours: { ended: false },
    original: { ended: true },
  },
  {
    no: '5b',
    name: 'a server that sends messages but no pings is alive',
    async scenario(stage) {
      const { spark, client } = await stage.pair({ pingInterval: false }, { pingTimeout: 1_000 });
      let messages = 0;
      let closed = false;
      client.on('data', () => messages++);
      client.on('close', () => {
        closed = true;
      });
      const speaking = setInterval(() => spark.write('here'), 10);
      await until(() => closed || messages > 120);
      clearInterval(speaking);
      return { closed };
    },
    ours: { closed: false },
    original: { closed: true },
  },
  {
    no: '17',
    name: 'U+2028 passes a parser other than JSON unchanged',
    scenario: (stage) => texted(stage, 'a\u2028b'),
    ours: ['a\u2028b', 'a\u2028b'],
    original: ['a\\u2028b', 'a\\u2028b'],
  },
  {
    no: '18',
    name: 'an empty string passes a parser other than JSON',
    scenario: (stage) => texted(stage, ''),
    ours: ['', ''],
    // The server sends none; its client does.
    original: ['next', ''],
  },
];

/** Returns what arrives of a string and a second one, at the client and at the server. */
async function texted(stage: Stage, text: string): Promise<unknown[]> {
  const { spark, client } = await stage.pair({ parser: strings, pingInterval: false });
  await pause(0);
  const arrivals = Promise.all([once(client, 'data'), once(spark, 'data')]);
  for (const end of [spark, client]) {
    end.write(text);
    end.write('next');
  }
  return (await arrivals).map(([data]) => data);
}

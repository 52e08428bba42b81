import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import type { Spark } from '../../src/index.js';
import { cleanup, event, type Served, serve, until } from '../support/serve.js';

/** Sends a request, over a connection of its own unless there is an agent. Returns the status, and the body. */
async function send(url: string, body?: string, agent: Agent | false = false): Promise<{ status?: number | undefined; body: string }> {
  const headers = body === undefined ? {} : { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(body) };
  const sent = request(url, { agent, method: body === undefined ? 'GET' : 'POST', headers });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: response.statusCode, body: await text(response) };
}

/** How a framework polls, and sends data, for one session. `t` is the value that a client changes with each request. */
interface Polling {
  /** Opens a session. */
  open(served: Served, t: string): Promise<string>;
  poll(session: string, t: string, agent?: Agent): ReturnType<typeof send>;
  post(session: string, t: string): ReturnType<typeof send>;
}

const engine: Polling = {
  async open({ url }, t) {
    const base = `${url}/primus/?EIO=4&transport=polling`;
    const { sid } = JSON.parse((await send(`${base}&t=${t}`)).body.slice(1)) as { sid: string };
    return `${base}&sid=${sid}`;
  },
  poll: (session, t, agent) => send(`${session}&t=${t}`, undefined, agent),
  post: (session, t) => send(`${session}&t=${t}`, '4"from the client"'),
};

const frameworks: [string, Polling][] = [
  ['engine.io', engine],
  [
    'sockjs',
    {
      async open({ url }, t) {
        const session = `${url}/primus/000/repeated`;
        expect(await send(`${session}/xhr?t=${t}`, '')).toEqual({ status: 200, body: 'o\n' });
        return session;
      },
      poll: (session, t, agent) => send(`${session}/xhr?t=${t}`, '', agent),
      post: (session, t) => send(`${session}/xhr_send?t=${t}`, '["\\"from the client\\""]'),
    },
  ],
];

// Browsers send a request again by themselves when its connection broke before the answer.
describe.each(frameworks)('a request that is sent again: %s', (transformer, polling) => {
  async function begin(t = 'zero') {
    const served = await serve({ transformer });
    const received: unknown[] = [];
    const announced = event(served.primus, 'connection');
    served.primus.on('connection', (spark) => spark.on('data', (data) => received.push(data)));
    const session = await polling.open(served, t);
    const [spark] = (await announced) as [Spark];
    return { ...served, spark, session, received };
  }

  it('ends the connection when it is a poll: the messages in the lost answer are missing', async () => {
    const { session, spark } = await begin();
    spark.write('first');
    expect((await polling.poll(session, 'one')).body).toContain('first');
    const ended = event(spark, 'end');
    spark.write('second');
    const { status, body } = await polling.poll(session, 'one');
    expect(status).toBeGreaterThanOrEqual(400);
    expect(body).not.toContain('second');
    await ended;
    expect(spark.readyState).toBe(2);
  });

  it('ends the connection when it has data, which is not read again', async () => {
    const { session, spark, received } = await begin();
    expect((await polling.post(session, 'one')).status).toBeLessThan(300);
    await until(() => received.length === 1);
    const ended = event(spark, 'end');
    expect((await polling.post(session, 'one')).status).toBeGreaterThanOrEqual(400);
    await ended;
    expect(received).toEqual(['from the client']);
  });

  it('is not taken for one over the same TCP connection', async () => {
    const { session, spark } = await begin();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    cleanup(() => agent.destroy());
    for (const n of [1, 2]) {
      spark.write(`message ${n}`);
      expect((await polling.poll(session, 'one', agent)).body).toContain(`message ${n}`);
    }
    expect(spark.readyState).toBe(3);
  });

  it.each(['', 'same'])("is not taken for one from a client that sends '%s' with all", async (t) => {
    const { session, spark } = await begin(t);
    for (const n of [1, 2, 3]) {
      spark.write(`message ${n}`);
      expect((await polling.poll(session, t)).body).toContain(`message ${n}`);
    }
    expect(spark.readyState).toBe(3);
  });
});

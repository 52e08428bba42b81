/** How raw clients of a transformer speak over a WebSocket. */
export interface Dialect {
  /** The target of the handshake. */
  target(query: string): string;
  /** Text frames that a client sends first. */
  greeting: readonly string[];
  /** The text frame that carries a message, which is JSON already. */
  wrap(message: string): string;
  /** Text frames that are valid in the protocol and carry no message. */
  idle: readonly string[];
}

/** How raw clients of a transformer speak over requests. */
export interface PollingDialect {
  /** The request that opens a session. */
  open(query: string): PollRequest;
  /** The id of the session, from the body of the answer. */
  session(body: string, opening: PollRequest): string | undefined;
  /** The request that carries messages to the server; `turn` counts them from 1. */
  send(session: string, messages: readonly string[], turn: number): PollRequest;
  /** The request that waits for messages. */
  poll(session: string): PollRequest;
}

export interface PollRequest {
  method: string;
  target: string;
  headers?: Record<string, string>;
  body?: string;
  /** Of protocols whose clients choose the id. */
  session?: string;
}

const PLAIN: Dialect = {
  target: (query) => `/primus?${query}`,
  greeting: [],
  wrap: (message) => message,
  idle: [],
};

/** By transformer; `undefined` where there is no WebSocket. */
export const DIALECTS: Record<string, Dialect | undefined> = {
  websockets: PLAIN,
  faye: PLAIN,
  uws: PLAIN,
  'engine.io': {
    target: (query) => `/primus/?EIO=4&transport=websocket&${query}`,
    greeting: [],
    wrap: (message) => `4${message}`,
    idle: ['3', '6'],
  },
  'socket.io': {
    target: (query) => `/primus/?EIO=4&transport=websocket&${query}`,
    greeting: ['40'],
    wrap: (message) => `42${JSON.stringify(['message', message])}`,
    idle: ['3', '6'],
  },
  sockjs: {
    target: (query) => `/primus/000/${randomId()}/websocket?${query}`,
    greeting: [],
    wrap: (message) => JSON.stringify([message]),
    idle: ['[]'],
  },
};

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };

const ENGINE_IO: PollingDialect = {
  open: (query) => ({ method: 'GET', target: `/primus/?EIO=4&transport=polling&${query}` }),
  session: (body) => /"sid":"([^"]+)"/.exec(body)?.[1],
  send: (session, messages) => ({
    method: 'POST',
    target: `/primus/?EIO=4&transport=polling&sid=${session}`,
    headers: { 'Content-Type': 'text/plain;charset=UTF-8' },
    body: messages.map((message) => `4${message}`).join('\x1e'),
  }),
  poll: (session) => ({ method: 'GET', target: `/primus/?EIO=4&transport=polling&sid=${session}` }),
};

/** By transformer; `undefined` where there are no sessions over requests. */
export const POLLING: Record<string, PollingDialect | undefined> = {
  'engine.io': ENGINE_IO,
  'socket.io': {
    ...ENGINE_IO,
    send: (session, messages, turn) => {
      const packets = messages.map((message) => `42${JSON.stringify(['message', message])}`);
      // The namespace is joined by a packet of its own.
      if (turn === 1) packets.unshift('40');
      return { ...ENGINE_IO.send(session, [], turn), body: packets.join('\x1e') };
    },
  },
  sockjs: {
    open: (query) => {
      const session = randomId();
      return { method: 'POST', target: `/primus/000/${session}/xhr?${query}`, session };
    },
    session: (_body, { session }) => session,
    send: (session, messages) => ({
      method: 'POST',
      target: `/primus/000/${session}/xhr_send`,
      headers: { 'Content-Type': 'text/plain' },
      body: JSON.stringify(messages),
    }),
    poll: (session) => ({ method: 'POST', target: `/primus/000/${session}/xhr_streaming` }),
  },
  browserchannel: {
    open: (query) => ({ method: 'POST', target: `/primus/bind?VER=8&RID=100&${query}`, headers: FORM, body: 'count=0' }),
    session: (body) => /\["c","([^"]+)"/.exec(body)?.[1],
    send: (session, messages, turn) => ({
      method: 'POST',
      target: `/primus/bind?VER=8&SID=${session}&RID=${100 + turn}`,
      headers: FORM,
      // A raw client sends one batch a request, so that the number of the first message is known.
      body: [
        `count=${messages.length}&ofs=${(turn - 1) * messages.length}`,
        ...messages.map((message, index) => `req${index}__S=${encodeURIComponent(message)}`),
      ].join('&'),
    }),
    poll: (session) => ({ method: 'GET', target: `/primus/bind?VER=8&SID=${session}&RID=rpc&TYPE=xmlhttp&CI=0&AID=0` }),
  },
};

function randomId(): string {
  return Math.random().toString(36).slice(2, 12).padEnd(8, '0');
}

/** The text of a request as it goes over the wire. */
export function requestText({ method, target, headers = {}, body }: PollRequest): string {
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  if (body !== undefined) fields.push(`Content-Length: ${Buffer.byteLength(body)}\r\n`);
  else if (method === 'POST') fields.push('Content-Length: 0\r\n');
  return `${method} ${target} HTTP/1.1\r\nHost: x\r\n${fields.join('')}\r\n${body ?? ''}`;
}

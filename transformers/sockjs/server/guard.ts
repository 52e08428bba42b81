import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Rejection } from '../../shared/server/handshake.js';

/** Longest session id, and longest name of a callback. */
const LONGEST = 128;

/** A request, as its path tells: the framework's own, or one of a session. */
export interface Target {
  /** What is to be done, or the whole of a path that names no session. */
  verb: string;
  /** The part of the path that spreads sessions over servers. */
  server?: string;
  /** The session's id, as the client chose it. */
  session?: string;
  /** The query, with its `?`. */
  search: string;
}

/** Takes the address of a request below `base` apart. */
export function targetOf({ url = '' }: IncomingMessage, base: string): Target {
  const [, path = '', search = ''] = /^([^?#]*)([^#]*)/.exec(url) ?? [];
  const below = path.slice(base.length);
  const [, server, session, verb] = /^\/([^/.]+)\/([^/.]+)\/(.+)$/.exec(below) ?? [];
  if (server === undefined || session === undefined || verb === undefined) return { verb: below, search };
  return { verb, server, session, search };
}

/** Why the framework is not even asked. */
export function refusalOf({ method = '' }: IncomingMessage, { verb, session, search }: Target, known: boolean): Rejection | undefined {
  if (session !== undefined && session.length > LONGEST) return [400, 'The id of the session is too long'];
  if (/^(?:jsonp|htmlfile)\/?$/.test(verb)) {
    const query = new URLSearchParams(search);
    const callback = query.get('c') ?? query.get('callback') ?? '';
    // The framework tells 500 of other odd ones, as its protocol wants.
    if (callback.length > LONGEST || /[<>&"'\u2028\u2029]/.test(callback)) return [400, 'The name of the callback is not one'];
  }
  if (/^(?:xhr|jsonp)_send\/?$/.test(verb) && method === 'POST' && !known) return [404, 'There is no such session'];
  return undefined;
}

/** What is written into a page as the text of a script must not end that script: whoever is made to open it would run the rest. */
export function escapeScriptEnd(response: ServerResponse): void {
  const write = response.write as (this: ServerResponse, chunk: unknown, ...rest: unknown[]) => boolean;
  response.write = function (this: ServerResponse, chunk: unknown, ...rest: unknown[]) {
    const [, before = '', text, after = ''] = /^(<script>\np\()(.*)(\);\n<\/script>\r\n)$/s.exec(String(chunk)) ?? [];
    return write.call(this, text === undefined ? chunk : before + text.replaceAll('<', '\\u003c') + after, ...rest);
  } as typeof response.write;
}

/** The framework reads a body without limit, and copies all of it with each part: it gets one that was read before. */
export function withBody(request: IncomingMessage, body: Buffer): IncomingMessage {
  const on = (event: string, listener: (chunk?: Buffer) => void) => {
    if (event === 'data') listener(body);
    if (event === 'end') process.nextTick(listener);
    return request;
  };
  return Object.defineProperty(request, 'on', { value: on });
}

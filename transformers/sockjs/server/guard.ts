import type { IncomingMessage, ServerResponse } from 'node:http';
import { parse } from 'node:querystring';
import type { Rejection } from '../../../src/server/http/reject.js';
import type { Address } from '../../shared/server/http-endpoint.js';
import { decodeParts, partsOf } from './messages.js';

/** Longest session id, and longest name of a callback. */
const LONGEST = 128;

/** The parts of a request's path: `/<server>/<session>/<verb>`, or one of the framework's own. */
export interface SessionPath {
  /** The action, such as `xhr_send`; the whole of a path that names no session. */
  verb: string;
  /** The part of the path that spreads sessions over servers. */
  server?: string;
  /** The session's id, as the client chose it. */
  session?: string;
  /** The query, with its `?`. */
  search: string;
}

/** Splits a path into its parts. */
export function parsePath({ path, search }: Address): SessionPath {
  const [, server, session, verb] = /^\/([^/.]+)\/([^/.]+)\/(.+)$/.exec(path) ?? [];
  if (server === undefined || session === undefined || verb === undefined) return { verb: path, search };
  return { verb, server, session, search };
}

/** Returns how a request is rejected that must not reach the framework. */
export function rejectionOf(
  { method = '' }: IncomingMessage,
  { verb, session, search }: SessionPath,
  isKnown: boolean,
): Rejection | undefined {
  if (session !== undefined && session.length > LONGEST) return { status: 400, message: 'The id of the session is too long' };
  if (/^(?:jsonp|htmlfile)\/?$/.test(verb)) {
    const query = new URLSearchParams(search);
    const callback = query.get('c') ?? query.get('callback') ?? '';
    // The framework answers other malformed ones with 500, as its protocol demands.
    if (callback.length > LONGEST || /[<>&"'\u2028\u2029]/.test(callback))
      return { status: 400, message: 'The name of the callback is not one' };
  }
  if (/^(?:xhr|jsonp)_send\/?$/.test(verb) && method === 'POST' && !isKnown) return { status: 404, message: 'There is no such session' };
  return undefined;
}

/** Whether a path is that of a request which gets the messages of a session. */
export function isPoll({ verb, session }: SessionPath): boolean {
  return session !== undefined && /^(?:xhr|xhr_streaming|eventsource|htmlfile|jsonp)\/?$/.test(verb);
}

/** The types of a body that is the list of messages itself. */
const PLAIN = {
  xhr: ['', 'T', 'text/plain', 'application/json', 'application/xml', 'text/xml'],
  jsonp: ['', 'text/plain'],
};

/** Returns the list of messages in the body of a request, in parts, as the framework finds it; `undefined` where there is none. */
export function listIn(
  { headers }: IncomingMessage,
  { verb }: SessionPath,
  body: Buffer,
): { readonly parts: Iterable<string>; readonly isForm: boolean } | undefined {
  const [type = ''] = (headers['content-type'] ?? '').split(';');
  const isJsonp = verb.startsWith('jsonp');
  if ((isJsonp ? PLAIN.jsonp : PLAIN.xhr).includes(type)) return { parts: decodeParts(partsOf(body)), isForm: false };
  if (!isJsonp || type !== 'application/x-www-form-urlencoded') return undefined;
  const { d } = parse(body.toString());
  return typeof d === 'string' ? { parts: [d], isForm: true } : undefined;
}

/** Escapes what the framework writes into the script of a page: a message that ends the script would inject markup into it. */
export function escapeScriptEnd(response: ServerResponse): void {
  const write = response.write as (this: ServerResponse, chunk: unknown, ...rest: unknown[]) => boolean;
  response.write = function (this: ServerResponse, chunk: unknown, ...rest: unknown[]) {
    const [, before = '', message, after = ''] = /^(<script>\np\()(.*)(\);\n<\/script>\r\n)$/s.exec(String(chunk)) ?? [];
    return write.call(this, message === undefined ? chunk : before + message.replaceAll('<', '\\u003c') + after, ...rest);
  } as typeof response.write;
}

/** Names the origins in the answer to `/info`: the framework names all, or none. */
export function nameOrigins(response: ServerResponse, origins: readonly string[]): void {
  const end = response.end as (this: ServerResponse, ...rest: unknown[]) => ServerResponse;
  response.end = function (this: ServerResponse, body: unknown, ...rest: unknown[]) {
    const isInfo = typeof body === 'string' && body.startsWith('{');
    return end.call(this, isInfo ? JSON.stringify({ ...(JSON.parse(body) as object), origins }) : body, ...rest);
  } as typeof response.end;
}

/** Gives a request a body that was read before: the framework reads without limit, and copies the whole with each part. */
export function withBody(request: IncomingMessage, body: Buffer): IncomingMessage {
  const on = (event: string, listener: (chunk?: Buffer) => void) => {
    if (event === 'data') listener(body);
    if (event === 'end') process.nextTick(listener);
    return request;
  };
  return Object.defineProperty(request, 'on', { value: on });
}

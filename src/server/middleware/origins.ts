import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { domainToASCII } from 'node:url';
import { invalid } from '../../core/options.js';

/** An origin of RFC 6454: three parts, which are compared as they are. */
export interface Origin {
  readonly scheme: string;
  readonly host: string;
  /** The port; that of the scheme where the origin names none, and 0 where the scheme has none. */
  readonly port: number;
}

const ORIGIN = /^([a-z][a-z\d+.-]*):\/\/(\[[\da-f:.]+\]|[^\s/\\:@?#*[\]]+)(?::(\d{1,5}))?$/i;

const HOST = /^(\[[\da-f:.]+\]|[^\s/\\:@?#*[\]]+)(?::(\d{1,5}))?$/i;

const PORTS: Record<string, number> = { http: 80, https: 443 };

/** Parses an `Origin` header; `undefined` for a value that no browser sends. It is not parsed as a URL, which would accept more. */
export function parseOrigin(text: string): Origin | undefined {
  const match = ORIGIN.exec(text);
  if (match === null) return undefined;
  const scheme = (match[1] as string).toLowerCase();
  const port = match[3] === undefined ? (PORTS[scheme] ?? 0) : Number(match[3]);
  return { scheme, host: (match[2] as string).toLowerCase(), port };
}

/** Returns the one string for all spellings of an origin; `null` is an origin of its own. */
export function canonical(text: string): string | undefined {
  if (text === 'null') return text;
  const origin = parseOrigin(text);
  return origin && `${origin.scheme}://${origin.host}:${origin.port}`;
}

/**
 * Returns the origins that the option names, in one spelling each; `undefined` for `'*'`.
 *
 * @throws ERR_PRIMUS_OPTION when an entry is not an origin
 */
export function originSet(origins: unknown): ReadonlySet<string> | undefined {
  if (origins === '*') return undefined;
  return new Set(listOf(origins).map((entry) => canonical(ascii(entry)) ?? odd(entry)));
}

/** Returns the entries of a list, or of a string with commas or spaces. */
export function listOf(value: unknown): string[] {
  const entries = Array.isArray(value) ? value : typeof value === 'string' ? [value] : [];
  return entries.flatMap((entry) => String(entry).split(/[\s,]+/)).filter(Boolean);
}

/** Whether an origin is that of the server which the request is for. Behind a proxy that terminates TLS, the request may not show its scheme. */
export function isOwn(origin: Origin, request: IncomingMessage & { forwarded?: { secure?: boolean } }): boolean {
  const { host = request.headers[':authority'] } = request.headers;
  const match = HOST.exec(String(host ?? ''));
  if (match === null || match[1]?.toLowerCase() !== origin.host) return false;
  const secure = request.forwarded?.secure ?? (request.socket as TLSSocket).encrypted === true;
  const port = match[2] === undefined ? PORTS[secure ? 'https' : origin.scheme] : Number(match[2]);
  return port === origin.port;
}

/** Converts an origin to the form that browsers send: international names in ASCII, and no slash at the end. */
function ascii(entry: string): string {
  return entry.replace(/\/$/, '').replace(/^([^:]+:\/\/)([^:[\]]*[^\0-\x7f][^:[\]]*)/, (_, scheme, name) => scheme + domainToASCII(name));
}

function odd(entry: string): never {
  throw invalid('origins', "'*', or origins such as 'https://example.com'", entry);
}

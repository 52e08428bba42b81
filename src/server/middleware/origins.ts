import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { domainToASCII } from 'node:url';
import { invalid } from '../../core/options.js';

/** What RFC 6454 compares: three parts, each as it is. */
export interface Origin {
  readonly scheme: string;
  readonly host: string;
  /** The scheme's own where none is named; 0 where it has none. */
  readonly port: number;
}

const ORIGIN = /^([a-z][a-z\d+.-]*):\/\/(\[[\da-f:.]+\]|[^\s/\\:@?#*[\]]+)(?::(\d{1,5}))?$/i;

const HOST = /^(\[[\da-f:.]+\]|[^\s/\\:@?#*[\]]+)(?::(\d{1,5}))?$/i;

const PORTS: Record<string, number> = { http: 80, https: 443 };

/** The parts of an `Origin` header; `undefined` for what no browser sends. Never parsed as an address: nothing is guessed. */
export function parseOrigin(text: string): Origin | undefined {
  const match = ORIGIN.exec(text);
  if (match === null) return undefined;
  const scheme = (match[1] as string).toLowerCase();
  const port = match[3] === undefined ? (PORTS[scheme] ?? 0) : Number(match[3]);
  return { scheme, host: (match[2] as string).toLowerCase(), port };
}

/** One text for all spellings of an origin; `null` is one of its own. */
export function canonical(text: string): string | undefined {
  if (text === 'null') return text;
  const origin = parseOrigin(text);
  return origin && `${origin.scheme}://${origin.host}:${origin.port}`;
}

/** The origins that are named, in one spelling each; `undefined` when any will do. */
export function originSet(origins: unknown): ReadonlySet<string> | undefined {
  if (origins === '*') return undefined;
  return new Set(listOf(origins).map((entry) => canonical(ascii(entry)) ?? odd(entry)));
}

/** The entries of a list, given as such or as a text with commas or spaces. */
export function listOf(value: unknown): string[] {
  const entries = Array.isArray(value) ? value : typeof value === 'string' ? [value] : [];
  return entries.flatMap((entry) => String(entry).split(/[\s,]+/)).filter(Boolean);
}

/** Whether a page of that origin was served by whom the request is for, as far as can be told behind a proxy that ends TLS. */
export function isOwn(origin: Origin, request: IncomingMessage & { forwarded?: { secure?: boolean } }): boolean {
  const { host = request.headers[':authority'] } = request.headers;
  const match = HOST.exec(String(host ?? ''));
  if (match === null || match[1]?.toLowerCase() !== origin.host) return false;
  const secure = request.forwarded?.secure ?? (request.socket as TLSSocket).encrypted === true;
  const port = match[2] === undefined ? PORTS[secure ? 'https' : origin.scheme] : Number(match[2]);
  return port === origin.port;
}

/** Browsers send names as they are on the line; people write them as they read. One slash at the end is forgiven. */
function ascii(entry: string): string {
  return entry.replace(/\/$/, '').replace(/^([^:]+:\/\/)([^:[\]]*[^\0-\x7f][^:[\]]*)/, (_, scheme, name) => scheme + domainToASCII(name));
}

function odd(entry: string): never {
  throw invalid('origins', "'*', or origins such as 'https://example.com'", entry);
}

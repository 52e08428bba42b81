import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { reject } from '../http/reject.js';

/** The content codings, with their functions. Each takes a few ms for the largest library: a higher quality would block the event loop. */
const CODINGS: Record<string, (body: Buffer) => Buffer> = {
  br: (body) =>
    brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 6, [constants.BROTLI_PARAM_SIZE_HINT]: body.length } }),
  gzip: (body) => gzipSync(body, { level: 9 }),
  identity: (body) => body,
};

/** A string that is sent often. Each of its content codings is computed once. */
export class StaticText {
  readonly text: string;
  private readonly type: string;
  private readonly hash: string;
  private readonly bodies = new Map<string, Buffer>();

  constructor(text: string, type: string) {
    this.text = text;
    this.type = type;
    this.hash = createHash('sha256').update(text).digest('base64url').slice(0, 27);
  }

  /** Answers a GET or HEAD request (RFC 9110): whole, in the encoding that the client prefers, or with 304 when it has that already. */
  send({ headers, method }: IncomingMessage, response: ServerResponse): void {
    const vary = response.getHeader('Vary');
    response.setHeader('Vary', vary === undefined ? 'Accept-Encoding' : `${vary}, Accept-Encoding`);
    const coding = negotiate(headers['accept-encoding']);
    if (coding === undefined) return void reject(response, 406);
    // Strong, so each encoding has its own.
    const tag = `"${this.hash}-${coding}"`;
    response.setHeader('ETag', tag);
    if (!response.hasHeader('Cache-Control')) response.setHeader('Cache-Control', 'public, max-age=0, must-revalidate');
    if (matches(headers['if-none-match'], tag)) return void response.writeHead(304).end();
    const body = this.encoded(coding);
    response.writeHead(200, {
      'Content-Type': this.type,
      'Content-Length': body.length,
      'X-Content-Type-Options': 'nosniff',
      ...(coding !== 'identity' && { 'Content-Encoding': coding }),
    });
    response.end(method === 'HEAD' ? undefined : body);
  }

  private encoded(coding: string): Buffer {
    let body = this.bodies.get(coding);
    if (body === undefined) {
      body = (CODINGS[coding] as (body: Buffer) => Buffer)(Buffer.from(this.text));
      this.bodies.set(coding, body);
    }
    return body;
  }
}

/** Returns the coding that `Accept-Encoding` prefers, the smallest of equals; `undefined` when it accepts none of them. */
function negotiate(header = ''): string | undefined {
  const weights = new Map<string, number>();
  // The header may have thousands of entries: those of browsers have five.
  for (const entry of String(header).toLowerCase().split(',', 32)) {
    const [name = '', ...parameters] = entry.split(';').map((part) => part.trim());
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    weights.set(name === 'x-gzip' ? 'gzip' : name, q === undefined ? 1 : Number(q.slice(2)) || 0);
  }
  // `identity` is acceptable unless the header excludes it, but after every coding that the header names.
  const weight = (coding: string) => weights.get(coding) ?? weights.get('*') ?? (coding === 'identity' ? Number.MIN_VALUE : 0);
  const [best] = Object.keys(CODINGS).sort((a, b) => weight(b) - weight(a));
  return best !== undefined && weight(best) > 0 ? best : undefined;
}

/** Whether `If-None-Match` contains that tag, strong or weak. */
function matches(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  return header.trim() === '*' || header.match(/"[^"]*"/g)?.includes(tag) === true;
}

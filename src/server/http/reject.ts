import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { rejectWithClose } from './close-reasons.js';

/** The answer to a request, or an upgrade, that is rejected. */
export interface Rejection {
  readonly status: number;
  /**
   * The `error` of the JSON body.
   *
   * @defaultValue the phrase of the status
   */
  readonly message?: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * The body as plain text.
   *
   * @defaultValue a JSON object with `error`
   */
  readonly text?: string;
}

/**
 * Answers a request, or an upgrade, with a status and a JSON body, and closes its connection where it is an upgrade. A number is a
 * rejection with that status, and its phrase as the message.
 */
export function reject(to: ServerResponse | Duplex, rejection: Rejection | number): true {
  const { status, message, headers = {}, text }: Rejection = typeof rejection === 'number' ? { status: rejection } : rejection;
  const error = message ?? STATUS_CODES[status] ?? 'Error';
  const body = text ?? JSON.stringify({ error });
  const fields = {
    'Content-Type': text === undefined ? 'application/json' : 'text/plain',
    'Content-Length': String(Buffer.byteLength(body)),
    ...headers,
  };
  if (isResponse(to)) {
    // A listener may have answered already; half an answer is aborted.
    if (!to.headersSent) to.writeHead(status, 'stream' in to ? withoutConnectionHeaders(fields) : fields).end(body);
    else if (!to.writableEnded) to.destroy();
    return true;
  }
  // The client may reset the connection before it has read the answer.
  to.on('error', ignore);
  if (!to.writable) {
    to.destroy();
    return true;
  }
  if (rejectWithClose(to, status, error, headers)) return true;
  const head = Object.entries({ Connection: 'close', ...fields }).map(([name, value]) => `${name}: ${value}\r\n`);
  to.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\n${head.join('')}\r\n${body}`, () => to.destroy());
  return true;
}

/** Answers a request to a server that accepts upgrades only. */
export function requireUpgrade(response: ServerResponse): true {
  return reject(response, { status: 426, text: 'Upgrade Required', headers: { Connection: 'close', Upgrade: 'websocket' } });
}

function isResponse(to: ServerResponse | Duplex): to is ServerResponse {
  return 'writeHead' in to;
}

/** HTTP/2 has no headers about the connection, and throws on them (RFC 9113, section 8.2.2). */
function withoutConnectionHeaders(fields: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !/^(connection|upgrade)$/i.test(name)));
}

function ignore(): void {}

import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { rejectWithClose } from './close-reasons.js';

/** Answers a request, or an upgrade that will not be, with a status and a JSON body, and lets go of the connection. */
export function reject(
  to: ServerResponse | Duplex,
  status: number,
  message: unknown = STATUS_CODES[status] ?? 'Error',
  headers: Record<string, string> = {},
): true {
  const body = JSON.stringify({ error: message });
  const fields = { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(body)), ...headers };
  if (isResponse(to)) {
    // Somebody has answered already; what is half an answer is cut short.
    if (!to.headersSent) to.writeHead(status, 'stream' in to ? withoutHops(fields) : fields).end(body);
    else if (!to.writableEnded) to.destroy();
    return true;
  }
  // Whoever does not hang up after the answer is not waited for.
  to.on('error', ignore);
  if (!to.writable) {
    to.destroy();
    return true;
  }
  if (rejectWithClose(to, status, message, headers)) return true;
  const lines = Object.entries({ Connection: 'close', ...fields }).map(([name, value]) => `${name}: ${value}\r\n`);
  to.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\n${lines.join('')}\r\n${body}`, () => to.destroy());
  return true;
}

function isResponse(to: ServerResponse | Duplex): to is ServerResponse {
  return 'writeHead' in to;
}

/** HTTP/2 has no headers about the line, and throws (RFC 9113, section 8.2.2). */
function withoutHops(fields: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !/^(connection|upgrade)$/i.test(name)));
}

function ignore(): void {}

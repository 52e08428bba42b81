import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import type { Transport } from 'engine.io';
import { describe, expect, test, vi } from 'vitest';
import { readBodies } from '../../transformers/engine.io/server/post.js';

const memory = { set() {}, delete() {} };

/** Posts a body in two chunks to a transport that reads it as an engine does. Resolves to what the engine has read. */
function post(read: (request: IncomingMessage, done: (body: unknown) => void) => void): Promise<unknown> {
  const request = Object.assign(new PassThrough(), { headers: {}, socket: new EventEmitter() });
  const response = new EventEmitter() as unknown as ServerResponse;
  return new Promise((resolve) => {
    const onDataRequest = (given: IncomingMessage, _response: ServerResponse) => read(given, resolve);
    const transport = { onDataRequest, onError: vi.fn(), dataReq: null };
    readBodies(transport as unknown as Transport, { maxLength: 100, memory } as never, { limit: 100, terminate: vi.fn() });
    transport.onDataRequest(request as unknown as IncomingMessage, response);
    request.write('4h');
    request.end('é');
  });
}

/** Reads as engine.io 6.6.12 and older: sets an encoding, except for binary bodies. */
function readStrings(request: IncomingMessage, done: (body: unknown) => void): void {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => {
    body += chunk;
  });
  request.on('end', () => done(body));
}

/** Reads as engine.io 6.6.13, and as older ones read binary bodies: joins buffers. */
function readBuffers(request: IncomingMessage, done: (body: unknown) => void): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => done(Buffer.concat(chunks).toString()));
}

describe('bodies of engine.io', () => {
  test('arrive as strings at an engine that sets an encoding, and as bytes at one that does not', async () => {
    await expect(post(readStrings)).resolves.toBe('4hé');
    await expect(post(readBuffers)).resolves.toBe('4hé');
  });
});

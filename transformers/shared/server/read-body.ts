import type { ServerHttp2Stream } from 'node:http2';
import type { Host, RequestExchange } from '../../../src/server/http/host.js';
import { networkOf } from '../../../src/server/http/network-of.js';
import { reject } from '../../../src/server/http/reject.js';
import { clientAddress } from '../../../src/server/middleware/forwarded.js';
import { BodyBuffer } from './body-buffer.js';
import { MANY } from './incomplete.js';

/** Decodes a body chunk by chunk. */
export interface BodyDecoder {
  /** Decodes a chunk, perhaps in place. Returns the bytes to collect: in all, at least a third of the body. */
  decode(chunk: Buffer): Buffer;
  /** Returns what is left at the end of the body. */
  end(): Buffer;
}

/** How a body is read. */
export interface BodyReading {
  /** The limit of bytes, as they are collected. */
  readonly limit: number;
  readonly decoder?: BodyDecoder | undefined;
  /** Ends the connection to which the messages of the body belong: a part of them may have been delivered. */
  readonly terminate?: (() => void) | undefined;
  /** Called with the body; with `null`, when it is too long. Not called when the client aborts the request. */
  done(body: BodyBuffer | null): void;
}

/**
 * Reads the body of a request, and counts it in the account of the server until it is answered. When it is shed, the request is rejected with
 * 503, or, once all of it has arrived, its connection is terminated.
 */
export function readBody({ request, response }: RequestExchange, { memory }: Pick<Host, 'memory'>, reading: BodyReading): void {
  const { limit, decoder, terminate, done } = reading;
  const announced = Number(request.headers['content-length']);
  if (announced > (decoder === undefined ? limit : 3 * limit)) {
    done(null);
    return;
  }
  const body = new BodyBuffer(announced);
  const stop = () => {
    request.removeListener('data', collect);
    request.removeListener('end', finish);
    request.pause();
    body.release();
  };
  const holder = {
    ip: networkOf(`${clientAddress(request).ip}`),
    suspend(isSuspended: boolean): void {
      if (isSuspended) request.pause();
      else request.resume();
    },
    shed(): void {
      if (request.readableEnded) {
        response.destroy();
        terminate?.();
        return;
      }
      stop();
      reject(response, { status: 503, message: 'The server is busy', headers: { Connection: 'close', 'Retry-After': '1' } });
      const { stream } = request as { stream?: ServerHttp2Stream };
      if (stream === undefined) request.socket.destroySoon();
      else stream.close();
    },
  };
  const collect = (chunk: Buffer) => {
    body.add(decoder === undefined ? chunk : decoder.decode(chunk));
    if (body.length > limit) {
      stop();
      done(null);
    } else if (body.length >= MANY) memory.set(holder, body.length);
  };
  const finish = () => {
    if (decoder !== undefined) body.add(decoder.end());
    done(body);
  };
  request.on('data', collect);
  request.on('end', finish);
  response.once('close', () => {
    memory.delete(holder);
    if (!request.readableEnded) body.release();
  });
}

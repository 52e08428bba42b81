import type { ServerHttp2Stream } from 'node:http2';
import type { Host, RequestExchange } from '../../../src/server/http/host.js';
import { networkOf } from '../../../src/server/http/network-of.js';
import { reject } from '../../../src/server/http/reject.js';
import { clientAddress } from '../../../src/server/middleware/forwarded.js';
import { MANY } from './incomplete.js';

/** Counts the body of a request, while it is being read, in the account of the server. When it is shed, the request is rejected with 503. */
export function countBody({ request, response }: RequestExchange, { memory }: Pick<Host, 'memory'>): void {
  const holder = {
    ip: networkOf(`${clientAddress(request).ip}`),
    suspend(isSuspended: boolean): void {
      if (isSuspended) request.pause();
      else request.resume();
    },
    shed(): void {
      // The framework would answer as well when what is buffered ends.
      request.removeAllListeners('data');
      request.removeAllListeners('end');
      request.pause();
      reject(response, { status: 503, message: 'The server is busy', headers: { Connection: 'close', 'Retry-After': '1' } });
      const { stream } = request as { stream?: ServerHttp2Stream };
      if (stream === undefined) request.socket.destroySoon();
      else stream.close();
    },
  };
  let bytes = 0;
  // Only counts: the code that reads the body makes it flow.
  request.prependListener('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes >= MANY) memory.set(holder, bytes);
  });
  response.once('close', () => memory.delete(holder));
}

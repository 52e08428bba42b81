import type { ServerResponse } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';

/** Returns a function that returns, once a response has closed, whether all of it could be sent. */
export function watchEnd(response: ServerResponse & { stream?: ServerHttp2Stream }): () => boolean {
  const { stream } = response;
  if (stream !== undefined) return () => stream.rstCode === constants.NGHTTP2_NO_ERROR;
  let hasLeft = response.writableFinished;
  // A response finishes when its connection is lost, too. Behind this listener, the server itself ends sockets that are not kept alive.
  response.prependOnceListener('finish', () => {
    hasLeft = !response.req.socket.destroyed;
  });
  return () => hasLeft;
}

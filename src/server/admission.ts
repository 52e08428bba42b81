import type { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { catchError, type Observable, of } from 'rxjs';
import { asError, LinkError } from '../core/errors.js';
import type { Arrival } from '../core/transformer.js';
import { asyncemit, ListenerError } from './asyncemit.js';
import type { ConnectionRegistry } from './connections.js';
import { addressOf, type ForwardedRequest } from './middleware/forwarded.js';
import type { Server } from './primus.js';
import type { Spark } from './spark.js';

// The steps from a link that has arrived to a connection that is announced.

/** The spark of an arrival; none when the user's own part in it, such as `idGenerator`, throws. */
export function createSpark({ Spark, options, registry }: Server, { link, request, id }: Arrival<IncomingMessage>): Spark | undefined {
  const address = (request as ForwardedRequest).forwarded ?? addressOf(request);
  try {
    return new Spark(request.headers, address, undefined, options.idGenerator ? undefined : id, request, link.socket, link);
  } catch (error) {
    registry.log('error', error);
    link.destroy();
    return undefined;
  }
}

/** From here on `spark(id)` finds it; false when its id is taken, which ends it. */
export function register(fleet: ConnectionRegistry, spark: Spark): boolean {
  if (fleet.add(spark)) return true;
  spark.primus.registry.log('error', `A connection was refused: its id ${spark.id} is taken`);
  spark.connection.terminate(new LinkError('ERR_PRIMUS_REFUSED', 'The id of this connection is taken'));
  return false;
}

/** Whether the `connection` listeners agree; one that refuses, or throws, ends the connection. */
export function runConnectionListeners(primus: Server, spark: Spark): boolean | Observable<boolean> {
  const refused = (error: unknown): false => {
    if (error instanceof ListenerError) spark.connection.fail(asError(error.reason));
    else spark.connection.reportListenerError(error);
    spark.end();
    spark.connection.announce();
    return false;
  };
  try {
    const answer = asyncemit(primus as unknown as EventEmitter, 'connection', spark);
    return answer === true || answer.pipe(catchError((error) => of(refused(error))));
  } catch (thrown) {
    return refused(thrown);
  }
}

import { PrimusError } from '../../../core/errors.js';
import type { NatsConnection } from './connection.js';

/**
 * Checks that a message is not longer than the server takes; it would close the connection.
 *
 * @throws ERR_PRIMUS_TOO_LARGE when it is
 */
export function checkLength(data: Uint8Array, { info }: NatsConnection): void {
  if (info === undefined || data.length <= info.max_payload) return;
  throw new PrimusError(
    'ERR_PRIMUS_TOO_LARGE',
    `A message of ${data.length} bytes is longer than NATS takes: ${info.max_payload} bytes. Raise max_payload of the server`,
  );
}

// What a fragment of the client's reference may take for granted.
import type { Primus as PrimusClient } from 'primus-rx/client';

declare global {
  /** The class of clients that `primus-rx/client` exports. */
  const Primus: typeof PrimusClient;
  const primus: PrimusClient;
}

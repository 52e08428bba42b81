import type { Observable } from 'rxjs';
import type { Primus } from '../../client/primus.js';
import { legacyClient } from './client.js';
import { eventTransformer } from './inject.js';
import { LegacyEmitter } from './legacy-emitter.js';

/** The entry of the bundle that is served with plugins: a class of clients as they know it. */
export function edge(Class: typeof Primus, foreign: boolean): typeof Primus {
  const Legacy = legacyClient(Class, { EventEmitter: LegacyEmitter, Stream: LegacyEmitter, requires: undefined });
  const { parts } = Legacy;
  if (foreign) Legacy.parts = { ...parts, transformer: eventTransformer(parts.platform.network$.constructor as typeof Observable) };
  return Legacy;
}

import type { Observable } from 'rxjs';
import type { Primus } from '../../client/primus.js';
import { legacyClient } from './client.js';
import { eventTransformer } from './inject.js';
import { LegacyEmitter } from './legacy-emitter.js';

/** Creates the class of clients that plugins in a page expect. The entry of the bundle that is served with plugins. */
export function edge(Class: typeof Primus, foreign: boolean): typeof Primus {
  const Legacy = legacyClient(Class, { EventEmitter: LegacyEmitter, Stream: LegacyEmitter, requires: undefined });
  const { parts } = Legacy;
  if (foreign) Legacy.parts = { ...parts, transformer: eventTransformer(parts.platform.network$.constructor as typeof Observable) };
  return Legacy;
}

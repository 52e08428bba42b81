import type { Observable } from 'rxjs';
import type { GapReason } from '../../core/session-words.js';
import type { Claim, Offer } from './offer.js';
import type { Session } from './session.js';

/** The outcome of the search for a session: it is here, another server hands it over, or it cannot be resumed. */
export type Found = Session | Offer | GapReason;

/** The other servers that may have a session. */
export interface Elsewhere {
  /** Whether another server was sent the state of a session, so that it may go on there. */
  isGiven(session: Session): boolean;
  /** Asks for a session. Emits once; completes without a value when another link of the client has come. Unsubscribing leaves it where it is. */
  take(claim: Claim, identity: unknown): Observable<Found>;
}

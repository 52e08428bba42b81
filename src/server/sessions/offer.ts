import type { Frame } from '../../core/link.js';

/** The counts of a client that wants to resume. */
export interface Counts {
  /** The messages that it has received. */
  readonly received: number;
  /** The messages before the first one that it still has. */
  readonly from?: number;
  /** The messages that it has sent. */
  readonly sent?: number;
}

/** The session that a client wants to resume, and the client's counts. */
export interface Claim extends Counts {
  readonly token: string;
}

/** The state of a session without its connection: what one server hands over to another. */
export interface SessionState {
  /** The number of messages that were sent, received and acknowledged by the client. */
  readonly sent: number;
  readonly received: number;
  readonly confirmed: number;
  /** The messages that are kept, in order: up to the last one that was sent. */
  readonly frames: readonly Frame[];
  /** How long there was no link, in ms. */
  readonly away: number;
  /** The token before the present one. */
  readonly retired: string | undefined;
}

/** A session that another server hands over. */
export interface Offer {
  readonly state: SessionState;
  /** Marks that a spark goes on with the session. Without it, the other server keeps the session. */
  taken(spark: unknown): void;
}

/** A session that another server has handed over, with the claim of its client and the token that the client gets. */
export interface Handover {
  readonly offer: Offer;
  readonly claim: Claim;
  readonly next: string;
}

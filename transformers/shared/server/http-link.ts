import type { LinkError } from '../../../src/core/errors.js';
import { GuardedLink } from '../guarded-link.js';
import { RequestGate } from './request-gate.js';

/** Base of a server's links that are made of HTTP requests: while one is paused, the bodies of its requests stay unread. */
export abstract class HttpLink extends GuardedLink {
  /** The gate at which the requests of a paused link wait. */
  readonly gate = new RequestGate();

  pause(): void {
    this.gate.shut = !this.ended;
  }

  resume(): void {
    this.gate.open();
  }

  protected override emitEnd(error?: LinkError): void {
    super.emitEnd(error);
    this.gate.open();
  }
}

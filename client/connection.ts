import { Observable, type Subscriber } from 'rxjs';
import { PrimusError } from '../src/core/errors.js';
import type { Frame, Link } from '../src/core/link.js';
import { Pipeline } from '../src/core/pipeline.js';
import type { Control } from '../src/core/protocol.js';
import { Emitter } from './emitter.js';
import type { Primus } from './primus.js';

/** The client's way in and out; what is not a message of the user is an event or a control message here. */
export class ClientConnection extends Pipeline {
  link: Link | undefined;
  /** Emits, to one subscriber, what proves that the line lives: each frame, and each message that got through though it had to wait. */
  readonly heard$ = new Observable<void>((heard) => {
    this.heard = heard;
    return () => {
      this.heard = undefined;
    };
  });
  private pressed = false;
  private heard: Subscriber<void> | undefined;
  private readonly client: Primus;
  private readonly closedByServer: () => void;

  constructor(client: Primus, closedByServer: () => void) {
    super(client, client);
    this.client = client;
    this.closedByServer = closedByServer;
  }

  /** What could not be taken over an earlier line may still be in the way. */
  attach(link: Link): void {
    this.link = link;
    if (this.pressed) link.pause?.();
  }

  override receive(frame: Frame): void {
    this.heard?.next();
    this.tell('incoming::data', frame);
    super.receive(frame);
  }

  fail(error: Error): void {
    this.client.emit('error', error);
  }

  protected deliver(data: unknown, raw: Frame): void {
    // Whatever keeps us from reading does not keep the server from being there.
    if (this.inbound !== undefined) this.heard?.next();
    // It was under way when the client was closed: nothing follows the end.
    if (this.client.state.name !== 'closed') this.client.emit('data', data, raw);
  }

  protected handleControl(control: Control): void {
    switch (control.type) {
      case 'ping': {
        // It waited behind messages that took their time, and nobody waits for its answer any more; or a listener closes.
        const sent = Number(control.value);
        if (this.link) this.client.emit('incoming::ping', sent);
        if (this.link) this.client.emit('outgoing::pong', sent);
        if (this.link) this.control({ type: 'pong', value: control.value });
        break;
      }
      case 'id':
        this.client.emit('incoming::id', control.value);
        break;
      case 'close':
        this.closedByServer();
        break;
      default:
    }
  }

  protected forward(data: unknown): boolean {
    return this.client._write(data);
  }

  protected transmit(frame: Frame): void {
    if (this.link === undefined) {
      this.fail(new PrimusError('ERR_PRIMUS_CLOSED', 'The connection was lost while a message was encoded', { data: frame }));
      return;
    }
    // Told afterwards: a listener that ends the connection does not take the message back.
    this.link.send(frame);
    this.tell('outgoing::data', frame);
  }

  /** Past the client's own `emit`: what comes to that under such a name, somebody else has injected. */
  private tell(event: string, frame: Frame): void {
    Emitter.prototype.emit.call(this.client, event, frame);
  }

  protected pressure(high: boolean): void {
    this.pressed = high;
    if (high) this.link?.pause?.();
    else this.link?.resume?.();
  }
}

import type { Socket } from 'socket.io';
import { checkJson } from '../../../src/core/json-limits.js';
import type { Frame } from '../../../src/core/link.js';
import { SERVER_DEFAULTS } from '../../../src/core/options.js';
import { EngineLink } from '../../engine.io/server/link.js';
import { CLOSE_TIMEOUT } from '../../shared/link-base.js';
import { frameOf } from '../options.js';

/** A packet that asks to join the namespace `/`, perhaps with credentials. */
const JOIN = /^0(?:\/,)?(?:\{|$)/;

/** A Socket.IO socket as a link, on the engine below it. */
export class SocketIOLink extends EngineLink {
  private io: Socket | undefined;
  /** Socket.IO's own listener. */
  private readonly decode: ((packet: unknown) => void) | undefined;
  /** The packets behind a request to join, which Socket.IO answers later; it would close the connection of a client that sends events before. */
  private behind: unknown[] | undefined;

  constructor(...[engine, host]: ConstructorParameters<typeof EngineLink>) {
    super(engine, host);
    [this.decode] = engine.listeners('data') as ((packet: unknown) => void)[];
    if (this.decode === undefined) return;
    engine.removeListener('data', this.decode);
    engine.on('data', (packet) => this.accept(packet));
  }

  override get socket(): unknown {
    return this.io;
  }

  /** The client has joined the namespace. */
  join(io: Socket): void {
    this.io = io;
    io.on('message', (...args: unknown[]) => {
      this.acceptArgument(args[0]);
      // A client may ask for an acknowledgement.
      const acknowledge = args.at(-1);
      if (typeof acknowledge === 'function') acknowledge();
    });
    io.on('disconnect', () => (this.engine.readyState === 'open' ? this.left() : this.close()));
    const { behind } = this;
    this.behind = undefined;
    if (behind === undefined) return;
    for (const packet of behind) this.accept(packet);
    this.resume();
  }

  protected override listen(): void {}

  protected override transmit(frame: Frame): void {
    this.io?.emit('message', frame);
  }

  /** The client has left the namespace, or was sent off. By the protocol its connection stays, but soon it has no further use. */
  private left(): void {
    const deadline = this.scheduler.schedule(() => this.engine.close(), CLOSE_TIMEOUT);
    this.engine.once('close', () => deadline.unsubscribe());
    this.closed();
  }

  private accept(packet: unknown): void {
    if (this.engine.readyState !== 'open') return;
    if (this.behind !== undefined) {
      this.behind.push(packet);
      return;
    }
    if (typeof packet === 'string') {
      try {
        // Socket.IO parses it as JSON. A frame is a string in it; an argument of another client, any value, is encoded as JSON again.
        checkJson(packet, SERVER_DEFAULTS);
      } catch (error) {
        this.fail(1008, (error as Error).message);
        return;
      }
      if (this.io === undefined && JOIN.test(packet)) {
        this.behind = [];
        this.pause();
      }
    }
    this.decode?.(packet);
  }

  private acceptArgument(data: unknown): void {
    let frame: ReturnType<typeof frameOf>;
    try {
      frame = frameOf(data);
    } catch {
      // A parser of the application may have made a value for which JSON has no form.
      return this.fail(1007, 'The argument of a message is neither a string nor bytes, and cannot be encoded as JSON');
    }
    if (frame !== undefined) this.arrived(frame);
  }
}

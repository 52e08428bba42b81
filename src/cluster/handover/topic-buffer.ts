import type { Frame } from '../../core/link.js';

/** A message to a topic, for a spark that moves. */
export interface BufferedMessage {
  readonly topic: string;
  /** The process that has sent it, and its number there: `Infinity` while it is still being encoded. */
  readonly sender: string;
  n: number;
  readonly frame: Frame | Promise<Frame>;
  /** Whether it is a word about a channel, which message transformers do not see. */
  readonly isWord: boolean;
  /** The ids of sparks that do not get it. */
  readonly except: readonly string[];
}

/** The memory of a message beside its bytes. */
const OVERHEAD = 128;

/**
 * Keeps the messages to the topics of a spark while it moves: on the node that it leaves, as it may stay after all; on the node that it comes
 * to, as some of them reached the other node too late.
 */
export class TopicBuffer {
  readonly messages: BufferedMessage[] = [];
  /** Whether there were more messages than may be kept: some are missing. */
  isFull = false;
  readonly #limit: number;
  #bytes = 0;

  /** @param limit the limit of the bytes that are kept, the option `ring` */
  constructor(limit: number) {
    this.#limit = limit;
  }

  keep(message: BufferedMessage): void {
    this.#bytes += (isFrame(message.frame) ? message.frame.length : 0) + OVERHEAD;
    if (this.#bytes > this.#limit) {
      this.isFull = true;
      this.messages.length = 0;
    }
    if (!this.isFull) this.messages.push(message);
  }
}

function isFrame(frame: BufferedMessage['frame']): frame is Frame {
  return typeof frame === 'string' || frame instanceof Uint8Array;
}

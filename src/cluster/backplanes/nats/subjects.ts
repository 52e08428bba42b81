/** The characters that a subject may have in all versions of NATS and in all of its tools. */
const SPECIAL = /[^A-Za-z0-9_-]/g;

/**
 * The subjects and the stream of a cluster. A topic is one token of a subject: characters that NATS does not take are escaped as `%3A` or `%u20AC`,
 * so that names stay readable in its tools.
 *
 * ```
 * primus.m.chat%3Aroom    what is delivered: published without a history, or republished by the stream
 * primus.h.chat%3Aroom    what is appended to the history
 * primus-5c1e9a7f03d2     the stream with all histories; the last part is the epoch
 * ```
 */
export class Subjects {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The subject that nodes listen to. */
  message(topic: string): string {
    return `${this.#prefix}.m.${tokenOf(topic)}`;
  }

  /** The subject of the history of a topic. */
  history(topic: string): string {
    return `${this.#prefix}.h.${tokenOf(topic)}`;
  }

  /** The subjects of all messages. */
  get messages(): string {
    return `${this.#prefix}.m.>`;
  }

  /** The subjects of all histories. */
  get histories(): string {
    return `${this.#prefix}.h.>`;
  }

  /** The name of the stream. */
  stream(epoch: string): string {
    return `${this.#prefix}-${epoch}`;
  }

  /** The epoch of a stream; `undefined` for a stream that is none of ours. */
  epochOf(stream: string): string | undefined {
    const epoch = stream.slice(this.#prefix.length + 1);
    return /^[0-9a-f]{12}$/.test(epoch) && stream === this.stream(epoch) ? epoch : undefined;
  }
}

/** Returns the token of a topic. */
function tokenOf(topic: string): string {
  return topic.replace(SPECIAL, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100 ? `%${hex(code, 2)}` : `%u${hex(code, 4)}`;
  });
}

function hex(code: number, length: number): string {
  return code.toString(16).toUpperCase().padStart(length, '0');
}

import type { Control } from './protocol.js';

/**
 * The answers to the question for the id that show that a server does not have a feature. The first two may answer questions that were asked
 * before: by the session of the client, and by the application.
 */
const ANSWERS = 3;

/** A client, as far as its features use it. */
export interface FeatureClient {
  readonly connection: { readonly channel: { control(control: Extract<Control, { type: 'id' }>): void } };
  on(event: 'incoming::id', listener: () => void): unknown;
}

/** Tells a client whether its server has a feature. */
export interface Feature {
  /** Whether the server has it; `undefined` while that is not known. */
  isThere: boolean | undefined;
  /** Asks the server, unless it was asked. */
  ask(): void;
  /** Asks again, as the answer was lost with its connection: a session repeats no control messages. */
  askAgain(): void;
  /** The next server may be another one. */
  forget(): void;
}

/**
 * Finds out whether the server of a client has a feature with words of its own, such as channels: by a question that every server answers. One
 * that has the feature has said so by then, and the caller sets `isThere`. Calls `missing` when it has not.
 */
export function createFeature(client: FeatureClient, missing: () => void): Feature {
  /** The answers that are still to come until it is known; 0: the server was not asked. */
  let answers = 0;
  const begin = (count: number) => {
    answers = count;
    client.connection.channel.control({ type: 'id', value: '' });
  };
  client.on('incoming::id', () => {
    if (feature.isThere || answers === 0) return;
    if (answers > 1) return begin(answers - 1);
    answers = 0;
    feature.isThere = false;
    missing();
  });
  const feature: Feature = {
    isThere: undefined,
    ask: () => feature.isThere || answers > 0 || begin(ANSWERS),
    askAgain: () => feature.isThere || answers === 0 || begin(ANSWERS),
    forget() {
      feature.isThere = undefined;
      answers = 0;
    },
  };
  return feature;
}

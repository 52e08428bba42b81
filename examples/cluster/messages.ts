import type { ClusterState } from 'primus-rx/cluster';
import { type FromPage as FromChat, read as readChat } from '../chat/messages.js';

/** The channel of the conversation, and the room of those who see each other wave. */
export const LOBBY = 'lobby';

/** The presence of a page: what others know of it. */
export interface Present {
  who: string;
  name: string;
  node: string;
}

/** A message from a page. */
export type FromPage = FromChat | { type: 'wave' } /** This example does it. No other server should. */ | { type: 'kill' };

/** A message to a page. What is said does not come as one of these, but in the channel. */
export type ToPage =
  | { type: 'welcome'; who: string; node: string }
  | { type: 'nodes'; nodes: readonly string[]; state: ClusterState }
  | { type: 'wave'; name: string; node: string };

/** Validates a message from a page. Returns `undefined` for anything that is not one. */
export function read(data: unknown): FromPage | undefined {
  const { type } = Object(data) as { type?: unknown };
  return type === 'wave' || type === 'kill' ? { type } : readChat(data);
}

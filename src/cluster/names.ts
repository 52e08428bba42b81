import { isName, NAME_LIMIT } from '../core/channel-words.js';
import { describe, PrimusError } from '../core/errors.js';

/** Matches one half of a surrogate pair, which UTF-8 cannot carry. */
const LONE_SURROGATE = /[\ud800-\udfff]/u;

/** Whether a value may be the name of a room or channel on every engine. */
export function isTopicName(name: unknown): name is string {
  return isName(name) && !LONE_SURROGATE.test(name);
}

/**
 * Returns the name of a room or channel.
 *
 * @throws ERR_PRIMUS_CHANNEL when it is not a string of 1 to 512 bytes
 */
export function checkName(kind: 'room' | 'channel', name: unknown): string {
  if (isTopicName(name)) return name;
  throw new PrimusError(
    'ERR_PRIMUS_CHANNEL',
    `The name of a ${kind} must be a string of 1 to ${NAME_LIMIT} bytes in UTF-8, got ${describe(name)}`,
  );
}

/** The topic of what concerns all nodes. */
export const ALL = 'all';

/** Returns the topic of what concerns one node. */
export function topicOfNode(node: string): string {
  return `node:${node}`;
}

/** Returns the topic of a room. */
export function topicOfRoom(room: string): string {
  return `room:${room}`;
}

/** Returns the name of the room that a topic is of. */
export function roomOf(topic: string): string {
  return topic.slice('room:'.length);
}

/** Returns the topic of a channel. */
export function topicOfChannel(channel: string): string {
  return `channel:${channel}`;
}

/** Returns the name of the channel that a topic is of. */
export function channelOf(topic: string): string {
  return topic.slice('channel:'.length);
}

/** Returns the topic of the presence in a channel. */
export function topicOfPresence(channel: string): string {
  return `presence:${channel}`;
}

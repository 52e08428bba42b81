import type { Delivery } from '../../bus.js';
import type { NatsMessage } from './connection.js';
import { parseEntry } from './entry.js';
import type { Subjects } from './subjects.js';

/**
 * Returns what a node delivers of a message. One without headers was published; one that the stream has republished has its position in the headers.
 * Returns `undefined` for any other: a program that may publish to a subject may send any headers.
 */
export function deliveryOf(topic: string, { data, headers }: NatsMessage, subjects: Subjects): Delivery | undefined {
  if (headers === undefined) return { topic, data };
  const epoch = subjects.epochOf(headers.get('Nats-Stream'));
  const offset = integer(headers.get('Nats-Sequence'));
  const previous = integer(headers.get('Nats-Last-Sequence'));
  const entry = parseEntry(data);
  if (epoch === undefined || !(previous < offset) || !entry || headers.get('Nats-Subject') !== subjects.history(topic)) return undefined;
  return { topic, data: entry.data, at: { epoch, offset }, previous };
}

function integer(digits: string): number {
  return /^\d{1,15}$/.test(digits) ? Number(digits) : Number.NaN;
}

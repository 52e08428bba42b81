import { invalid } from '../core/options.js';
import { checkName } from './names.js';
import { isListOfStrings } from './packets.js';

/** The addressees of a message. Without `room` and `spark`: all connections. One that is `undefined` is an error. */
export interface Addressees {
  /** The members of this room, or of these rooms; who is in several of them gets the message once. */
  readonly room?: string | readonly string[];
  /** The spark of this id, or of these ids, wherever they are. */
  readonly spark?: string | readonly string[];
  /** The ids of sparks that do not get it. */
  readonly except?: string | readonly string[];
}

/** The addressees, parsed. */
export interface ParsedAddressees {
  readonly rooms: readonly string[];
  readonly sparks: readonly string[];
  readonly except: readonly string[];
}

/** Returns the node that the id of a spark names; `undefined` for an id of the application. */
export function nodeOf(id: string): string | undefined {
  const at = id.indexOf('.');
  return at > 0 ? id.slice(0, at) : undefined;
}

/**
 * Returns the addressees; `undefined` for an empty list of rooms or sparks, which has none. A room or spark that is `undefined` is an error: what is
 * meant for a few must not be sent to all.
 */
export function parseAddressees(addressees: unknown): ParsedAddressees | undefined {
  if (typeof addressees !== 'object' || addressees === null)
    throw invalid('addressees', 'an object with room, spark or except', addressees);
  let rooms: readonly string[] = [];
  let sparks: readonly string[] = [];
  let except: readonly string[] = [];
  let isForAll = true;
  for (const [key, value] of Object.entries(addressees) as [string, unknown][]) {
    if (key === 'except') except = value == null ? [] : idsOf(key, value);
    else if (key === 'room') rooms = [...new Set(listOf(value).map((name) => checkName('room', name)))];
    else if (key === 'spark') sparks = idsOf(key, value);
    else throw invalid('addressees', 'an object with room, spark or except', key);
    if (key !== 'except') isForAll = false;
  }
  return isForAll || rooms.length + sparks.length > 0 ? { rooms, sparks, except } : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

function idsOf(name: string, value: unknown): readonly string[] {
  const list = listOf(value);
  if (!isListOfStrings(list)) throw invalid(name, 'the id of a spark, or a list of ids', value);
  return list;
}

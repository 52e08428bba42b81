import { checkSchema, partsOf } from '../core/contract.js';
import { type Eventual, isPromise } from '../core/eventual.js';
import { invalid } from '../core/options.js';
import type { InputOf, OutputOf, SchemaResult, StandardSchema } from '../core/standard-schema.js';

/** The validators of messages, by type. */
export interface EventSchemas {
  readonly [type: string]: StandardSchema;
}

/** Messages of several types, as they are written: each has its type in `tag`. */
export type EventInput<Schemas extends EventSchemas, Tag extends string> = {
  [Type in keyof Schemas & string]: Merge<{ readonly [Key in Tag]: Type } & InputOf<Schemas[Type]>>;
}[keyof Schemas & string];

/** Messages of several types, as they are received. */
export type EventOutput<Schemas extends EventSchemas, Tag extends string> = {
  [Type in keyof Schemas & string]: Merge<{ readonly [Key in Tag]: Type } & OutputOf<Schemas[Type]>>;
}[keyof Schemas & string];

/** One object type instead of an intersection. */
type Merge<T> = { [Key in keyof T]: T[Key] };

/**
 * Creates the validator of messages of several types: objects whose `tag`, by default `type`, says which one they are. The validator of that type
 * gets the other properties.
 *
 * @throws ERR_PRIMUS_OPTION when an argument is invalid
 *
 * @example
 * import { events } from 'primus-rx/contract';
 * import { z } from 'zod';
 *
 * const messages = events({
 *   say: z.object({ text: z.string() }),
 *   move: z.object({ x: z.number(), y: z.number() }),
 * });
 * // { type: 'say', text: 'Hello' } or { type: 'move', x: 1, y: 2 }
 */
export function events<const Schemas extends EventSchemas, const Tag extends string = 'type'>(
  schemas: Schemas,
  tag: Tag = 'type' as Tag,
): StandardSchema<EventInput<Schemas, Tag>, EventOutput<Schemas, Tag>> {
  if (typeof tag !== 'string' || tag === '') throw invalid('tag', 'the name of a property', tag);
  for (const [type, schema] of partsOf('events', schemas)) checkSchema(`events.${type}`, schema);
  const types = Object.keys(schemas).join(', ');

  const validate = (value: unknown): Eventual<SchemaResult<unknown>> => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return { issues: [{ message: 'Expected an object' }] };
    const { [tag]: type, ...rest } = value as Record<string, unknown>;
    if (typeof type !== 'string' || !Object.hasOwn(schemas, type))
      return { issues: [{ message: `Expected one of ${types}`, path: [tag] }] };
    const tagged = (result: SchemaResult<unknown>): SchemaResult<unknown> =>
      result.issues ? result : { value: { ...(result.value as object), [tag]: type } };
    const result = (schemas[type] as StandardSchema)['~standard'].validate(rest);
    return isPromise(result) ? result.then(tagged) : tagged(result);
  };
  return { '~standard': { version: 1, vendor: 'primus-rx', validate: validate as never } };
}

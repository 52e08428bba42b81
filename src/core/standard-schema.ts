import { PrimusError } from './errors.js';
import { type Eventual, isPromise } from './eventual.js';

/**
 * A validator as [Standard Schema](https://standardschema.dev) describes it: those of Zod, Valibot, ArkType and others are some.
 *
 * @typeParam Input the values that it takes
 * @typeParam Output what it makes of them
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** The validator, by the name that the standard gives it. */
  readonly '~standard': {
    /** The version of the standard. */
    readonly version: 1;
    /** The name of the library. */
    readonly vendor: string;
    /** Validates a value. */
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    /** The types, for the compiler alone. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** The outcome of a validation: the value, or the issues. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[]; readonly value?: unknown };

/** A fault of a value. */
export interface SchemaIssue {
  /** The description. */
  readonly message: string;
  /** The keys that lead to the place. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The values that a schema takes. */
export type InputOf<Schema extends StandardSchema> = NonNullable<Schema['~standard']['types']>['input'];

/** The values that a schema makes. */
export type OutputOf<Schema extends StandardSchema> = NonNullable<Schema['~standard']['types']>['output'];

/** The number of issues that an error has, and of those in its message: a hostile peer could cause any number. */
const ISSUES = 100;
const DESCRIBED = 3;

/** The longest text of an issue, in characters. */
const LENGTH = 200;

/** Whether a value is a validator. */
export function isSchema(value: unknown): value is StandardSchema {
  const standard = (value as Partial<StandardSchema> | null | undefined)?.['~standard'];
  return typeof standard?.validate === 'function' && standard.version === 1;
}

/**
 * Validates a value. `subject`: what the value is, for the error.
 *
 * @returns what the schema makes of the value, as a promise if the schema answers later
 * @throws ERR_PRIMUS_CONTRACT when the value does not satisfy the schema; later the promise rejects with it
 */
export function validate(schema: StandardSchema, value: unknown, subject: string): Eventual<unknown> {
  const failed = (cause: unknown) =>
    new PrimusError('ERR_PRIMUS_CONTRACT', `${subject} could not be checked: its validator has failed`, { cause, data: value });
  const settle = (result: SchemaResult<unknown>): unknown => {
    if (!result.issues) return result.value;
    // Plain arrays: some libraries have lists of their own.
    const found = Array.from(result.issues);
    const issues = found.slice(0, ISSUES).map(({ message, path = [] }) => ({ message, path: Array.from(path, keyOf) }));
    const message = `${subject} does not satisfy the contract: ${describeIssues(issues, found.length)}`;
    throw Object.assign(new PrimusError('ERR_PRIMUS_CONTRACT', message, { data: value }), { issues });
  };
  let result: ReturnType<StandardSchema['~standard']['validate']>;
  try {
    result = schema['~standard'].validate(value);
  } catch (cause) {
    throw failed(cause);
  }
  if (!isPromise(result)) return settle(result);
  return result.then(settle, (cause) => {
    throw failed(cause);
  });
}

function keyOf(segment: PropertyKey | { readonly key: PropertyKey }): PropertyKey {
  return typeof segment === 'object' ? segment.key : segment;
}

/** Describes the first few issues, each with its path. */
function describeIssues(issues: NonNullable<PrimusError['issues']>, total: number): string {
  const described = issues.slice(0, DESCRIBED).map(({ message, path }) => {
    const place = pathOf(path);
    return `${place}${place && ': '}${message}`.slice(0, LENGTH);
  });
  const rest = total - described.length;
  return `${described.join('; ')}${rest > 0 ? `; and ${rest} more` : ''}`;
}

/** Prints a path as JavaScript does: `items[0].name`. */
function pathOf(path: readonly PropertyKey[]): string {
  return path
    .map((key, index) => {
      if (typeof key === 'number' || /^\d+$/.test(String(key))) return `[${String(key)}]`;
      if (/^[\w$]+$/.test(String(key))) return `${index > 0 ? '.' : ''}${String(key)}`;
      return `[${JSON.stringify(String(key))}]`;
    })
    .join('');
}

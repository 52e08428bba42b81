import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Primus } from '../../../src/index.js';
import type { Any } from '../defects/stage.js';
import { CLIENT, CONSTRUCTORS, client, constructors, SERVER, SPARK, server, spark } from './forms/methods.js';
import { observe, type Subject } from './forms/observe.js';
import { PARTS } from './forms/parts.js';
import { STATICS } from './forms/statics.js';
import type { Form } from './forms/values.js';

const original = createRequire(import.meta.url)('primus');
const file = (path: string) => readFileSync(join(import.meta.dirname, path), 'utf8');
const migrating = file('../../../docs/migrating.md');

/** Calls whose outcomes are different. */
interface Difference {
  /** The first cell of the row in docs/migrating.md that gives the reason. */
  readonly row: string;
  /** The forms of each call, by what it does with 8.0.9 and, behind an arrow, with this package. */
  readonly calls: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

const differences = JSON.parse(file('forms/differences.json')) as Difference[];

const surface = JSON.parse(file('../../compat/surface.json')) as Record<string, unknown>;
/** The members of Primus 8 that this package does not have. */
const absent = new Set(
  (JSON.parse(file('../../compat/differences.json')) as { rows: Record<string, unknown> }[]).flatMap(({ rows }) =>
    Object.keys(rows).filter((row) => rows[row] === null),
  ),
);

const SUBJECTS = {
  functions: [constructors, CONSTRUCTORS],
  primus: [server, SERVER],
  spark: [spark, SPARK],
  client: [client, CLIENT],
  ...PARTS,
  ...STATICS,
} as const;

/** Errors that are thrown where no caller can catch them. */
const uncaught: unknown[] = [];
const listeners = process.listeners('uncaughtException');

beforeAll(() => {
  process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => uncaught.push(error));
});

afterAll(() => {
  process.removeAllListeners('uncaughtException');
  for (const listener of listeners) process.on('uncaughtException', listener);
});

async function outcome(
  Package: Any,
  create: (Package: Any) => Subject | Promise<Subject>,
  method: string,
  { create: args }: Form,
): Promise<string> {
  uncaught.length = 0;
  const observed = await observe(await create(Package), method, args());
  return uncaught.length > 0 ? 'ends the process' : observed;
}

/** The listed differences, by call and form. */
const listed: Record<string, Record<string, string>> = {};
for (const { calls } of differences)
  for (const [call, outcomes] of Object.entries(calls))
    for (const [both, forms] of Object.entries(outcomes))
      for (const form of forms) {
        listed[call] ??= {};
        listed[call][form] = both;
      }

describe.each(Object.entries(SUBJECTS))('%s', (name, [create, methods]) => {
  it.each(Object.entries(methods))('%s', async (method, forms) => {
    const call = `${name}.${method}`;
    const different: Record<string, string> = {};
    for (const form of forms) {
      const theirs = await outcome(original, create, method, form);
      const ours = await outcome(Primus, create, method, form);
      if (ours !== theirs) different[form.name] = `${theirs} → ${ours}`;
    }
    expect(different).toEqual(listed[call] ?? {});
  });
});

describe('the methods of Primus 8 that this package has', () => {
  const subjects: Record<string, readonly string[]> = {
    primus: ['primus'],
    spark: ['spark', 'spark streams'],
    client: ['client', 'client streams'],
    'client.timers': ['client.timers'],
    'client.recovery': ['client.recovery'],
  };
  /** Methods that write files or connect, whose calls other tests compare, and constructors, which are called as functions. */
  const elsewhere = ['save', 'open', 'initialise', 'Spark', 'Socket'];

  it.each(Object.entries(subjects))('are all called, those of %s', (object, names) => {
    const methods = Object.keys(surface)
      .filter((row) => surface[row] === 'function' && row.startsWith(`${object}.`) && !absent.has(row))
      .map((row) => row.slice(object.length + 1))
      .filter((name) => /^\w+$/.test(name) && !elsewhere.includes(name));
    const called = names.flatMap((name) => Object.keys(SUBJECTS[name as keyof typeof SUBJECTS][1]));
    expect(methods.filter((name) => !called.includes(name))).toEqual([]);
    expect(methods).not.toEqual([]);
  });
});

describe('the listed differences', () => {
  it.each(differences)('have a row in docs/migrating.md: $row', ({ row }) => {
    expect(migrating).toContain(`| ${row} |`);
  });

  it('are those of calls that are tested', () => {
    const tested = Object.entries(SUBJECTS).flatMap(([name, [, methods]]) => Object.keys(methods).map((method) => `${name}.${method}`));
    expect(Object.keys(listed).filter((call) => !tested.includes(call))).toEqual([]);
  });
});

/** A value that a caller may pass, and its name in the names of the forms. */
export type Value = readonly [name: string, create: () => unknown];

const constants = [undefined, null, false, true, 0, 1, -1, '', 'x'];

/** One value of every kind that callers pass where another is expected. */
export const VALUES: readonly Value[] = [
  ...constants.map((value): Value => [typeof value === 'string' ? `'${value}'` : String(value), () => value]),
  ['{}', () => ({})],
  ['[]', () => []],
  ['function', () => () => {}],
];

/** The arguments of one call, and their names. */
export interface Form {
  readonly name: string;
  readonly create: () => unknown[];
}

/** Returns one form of a call, with exactly these arguments. */
export function form(...values: readonly Value[]): Form {
  return { name: values.map(([name]) => name).join(', '), create: () => values.map(([, create]) => create()) };
}

/**
 * Returns the forms of a call that is documented with `good` arguments: with every number of them, with each of them replaced by every
 * value, with two of them swapped, and with one more.
 */
export function formsOf(...good: readonly Value[]): Form[] {
  const replaced = (at: number, value: Value): Value[] => [...good.slice(0, at), value, ...good.slice(at + 1)];
  const lists: Value[][] = good.map((_, count) => good.slice(0, count));
  lists.push([...good]);
  for (const at of good.keys()) {
    for (const value of VALUES) lists.push(replaced(at, value));
    // The last arguments may be missing behind it.
    for (const value of VALUES) lists.push([...good.slice(0, at), value]);
    const [first, second] = [good[at], good[at + 1]];
    if (first && second) lists.push([...good.slice(0, at), second, first, ...good.slice(at + 2)]);
  }
  lists.push([...good, ['extra', () => 'extra']]);
  return [...new Map(lists.map((list) => form(...list)).map((entry) => [entry.name, entry])).values()];
}

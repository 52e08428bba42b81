/** A value of the table: the type or constant of a member, its number of parameters, the arguments of an event, or what an option reads. */
export type Seen = string | number;

/** A group of rows of the table that are different here, with what is here instead and why. */
export interface Difference {
  /** The rows, each with exactly what is here, or `null` when there is nothing. */
  readonly rows: Readonly<Record<string, Seen | null>>;
  /** The common name of the rows in docs/migrating.md. @defaultValue the rows themselves */
  readonly title?: string;
  readonly here: string;
  readonly reason: string;
}

export declare function surfaceOf(Primus: unknown): Promise<Record<string, Seen>>;
/**
 * The rows in which a table is different from that of Primus 8, with what it has there, or `null`. The length and the flags of a member
 * are left out where one side has no such member.
 */
export declare function differencesOf(original: Record<string, Seen>, table: Record<string, Seen>): Record<string, Seen | null>;
/** The section of docs/migrating.md about the differences. */
export declare function section(differences: readonly Difference[]): string;
/** The page docs/differences.md: every difference, with both values. */
export declare function page(original: Record<string, Seen>, differences: readonly Difference[]): string;

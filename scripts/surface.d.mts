/** A value of the table: the type or constant of a member, its number of parameters, the arguments of an event, or what an option reads. */
export type Seen = string | number;

/** A group of rows of the table that are different here, with what is here instead and why. */
export interface Difference {
  /** Rows of the table; `*` stands for anything. A member includes its length and flags. */
  readonly members: readonly string[];
  readonly here: string;
  readonly reason: string;
}

/** Whether a row of the table belongs to a member of a difference. */
export declare function covers(member: string, row: string): boolean;
export declare function surfaceOf(Primus: unknown): Promise<Record<string, Seen>>;
/** The section of docs/migrating.md about the differences. */
export declare function section(differences: readonly Difference[]): string;

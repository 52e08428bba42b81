/** A vote, which a page sends. */
export interface Vote {
  readonly vote: string;
}

/** The number of votes of each item, which pages get. */
export type Votes = Readonly<Record<string, number>>;

export const items = ['tea', 'cake'];

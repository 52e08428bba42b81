/** A page of the reference: the exports of some declaration files. */
export interface ReferencePage {
  name: string;
  title: string;
  entries: readonly string[];
}

/** The pages of the reference by their file names, and the rules that docstrings violate. */
export interface Reference {
  pages: ReadonlyMap<string, string>;
  /** The public names without a docstring. */
  undocumented: readonly string[];
  /** The examples, defaults and errors that are missing. */
  violations: readonly string[];
}

export declare const folder: string;
export declare function reference(pages?: readonly ReferencePage[], home?: string): Reference;

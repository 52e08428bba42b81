/** The key of a type by which a class names itself with other messages. No object has it. */
export declare const RETYPED: unique symbol;

/** A class with other messages: `Type` is made of `In` and `Out`. */
export interface Retypable {
  readonly In: unknown;
  readonly Out: unknown;
  readonly Type: unknown;
}

/** The type of a server or client with other messages. */
export type Retyped<End, In, Out> = End extends { readonly [RETYPED]?: infer Of extends Retypable }
  ? (Of & { readonly In: In; readonly Out: Out })['Type']
  : never;

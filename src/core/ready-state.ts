/** `readyState` of sparks and clients, as the documents number it. */
export const OPENING = 1;
export const CLOSED = 2;
export const OPEN = 3;

/** 1 opening, 2 closed, 3 open. */
export type ReadyState = typeof OPENING | typeof CLOSED | typeof OPEN;

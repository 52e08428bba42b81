/** `readyState` of sparks and clients, as the documents number it. */
export const OPENING = 1;
export const CLOSED = 2;
export const OPEN = 3;

export type ReadyState = typeof OPENING | typeof CLOSED | typeof OPEN;

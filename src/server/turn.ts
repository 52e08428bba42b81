/** The longest time that the messages of one turn of the event loop take, in ms: others wait no longer. */
const SLICE = 40;

/** The clock is read again after this many messages, of which a long one counts as several. */
const STRIDE = 16;
const LONG = 4_096;

let turn = 0;
let isCounting = false;
let startedAt = 0;
let messages = 0;
let isOver = false;

/** Returns the number of the present turn of the event loop: that of the one after the next I/O differs. */
export function currentTurn(): number {
  if (!isCounting) {
    isCounting = true;
    startedAt = performance.now();
    messages = 0;
    setImmediate(endTurn);
  }
  return turn;
}

/** Counts a message of this turn. Returns whether the turn has taken so long that the message should wait for the next one. */
export function exceedsTurn(length: number): boolean {
  if (isOver) return true;
  messages += 1 + length / LONG;
  if (messages < STRIDE) return false;
  currentTurn();
  messages = 0;
  isOver = performance.now() - startedAt > SLICE;
  return isOver;
}

function endTurn(): void {
  isCounting = isOver = false;
  turn += 1;
}

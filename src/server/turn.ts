/** The longest time that the messages of one turn of the event loop take, in ms: others wait no longer. */
const SLICE = 40;

/** The clock is read again after this many messages, of which a long one counts as several. */
const STRIDE = 4;
const LONG = 4_096;

let turn = 0;
let isCounting = false;
let startedAt = 0;
let messages = 0;
let isOver = false;
let isScheduled = false;
let waiting: (() => void)[] = [];

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

/** Runs work in a later turn that has time for it, behind what waits already. */
export function runLater(work: () => void): void {
  waiting.push(work);
  scheduleWaiting();
}

function scheduleWaiting(): void {
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(runWaiting);
}

function runWaiting(): void {
  isScheduled = false;
  currentTurn();
  // What these add waits for the next turn.
  const works = waiting;
  waiting = [];
  let done = 0;
  try {
    do works[done++]?.();
    while (done < works.length && performance.now() - startedAt <= SLICE);
  } finally {
    waiting = [...works.slice(done), ...waiting];
    if (waiting.length > 0) scheduleWaiting();
  }
}

function endTurn(): void {
  isCounting = isOver = false;
  turn += 1;
}

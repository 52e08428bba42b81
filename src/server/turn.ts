/** The longest time that messages take in one turn of the event loop, in ms: those that have just arrived, and again those that have waited. */
const SLICE = 40;

/** The clock is read again after this many messages. */
const STRIDE = 4;

/** A message of so many bytes counts as two. */
const LONG = 4_096;

/** The number of messages of one connection before others that wait have their turn. */
const FEW = 16;

/** The works that may run in one turn. */
const MOST = 256;

let turn = 0;
let isCounting = false;
let startedAt = 0;
let messages = 0;
let isOver = false;
/** The work that waits for a turn, and how often `runNext` is scheduled for it. */
const waiting: (() => void)[] = [];
let scheduled = 0;
let isRunning = false;
let runningSince = 0;

/** Returns the number of the present turn of the event loop: that of the one after the next I/O differs. */
export function currentTurn(): number {
  if (!isCounting) {
    isCounting = true;
    beginSlice();
    setImmediate(endTurn);
  }
  return turn;
}

function beginSlice(): void {
  startedAt = performance.now();
  messages = 0;
  isOver = false;
}

/** Returns how many messages one of this length counts as. */
function weightOf(length: number): number {
  return 1 + length / LONG;
}

/** Counts a message of this turn. Returns whether the turn has taken so long that the message should wait for the next one. */
export function exceedsTurn(length: number): boolean {
  if (isOver) return true;
  messages += weightOf(length);
  if (messages < STRIDE) return false;
  currentTurn();
  messages = 0;
  isOver = performance.now() - startedAt > SLICE;
  return isOver;
}

/** Runs work in a later turn that has time for it, behind what waits already. */
export function runLater(work: () => void): void {
  waiting.push(work);
  schedule();
}

/** Whether other work waits for its turn. Work in parts leaves off after each part then, so that none waits for all parts of another. */
export function othersWait(): boolean {
  return waiting.length > 0;
}

/** Returns a function that counts messages of one connection, and reports that the next one should wait: others have their turn, or it has taken too long. */
export function fewOfTurn(): (length: number) => boolean {
  let count = 0;
  return (length) => {
    count += weightOf(length);
    return (count >= FEW && othersWait()) || exceedsTurn(length);
  };
}

/** Schedules a callback for one work: the tick ends behind it, and what it has written leaves before the next one runs. */
function schedule(): void {
  if (scheduled >= Math.min(waiting.length, MOST)) return;
  scheduled += 1;
  setImmediate(runNext);
}

function runNext(): void {
  scheduled -= 1;
  if (!isRunning) {
    isRunning = true;
    // The first callback of the next turn, as this is the first of them.
    setImmediate(stopRunning);
    currentTurn();
    // However long it took to read what has arrived: peers that go on sending would leave nothing for those that wait.
    beginSlice();
    runningSince = startedAt;
  }
  const work = performance.now() - runningSince > SLICE ? undefined : waiting.shift();
  try {
    work?.();
  } finally {
    schedule();
  }
}

function stopRunning(): void {
  isRunning = false;
}

function endTurn(): void {
  isCounting = isOver = false;
  turn += 1;
}

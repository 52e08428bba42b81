let turn = 0;
let isCounting = false;

/** Returns the number of the present turn of the event loop: that of the one after the next I/O differs. */
export function currentTurn(): number {
  if (!isCounting) {
    isCounting = true;
    setImmediate(endTurn);
  }
  return turn;
}

function endTurn(): void {
  isCounting = false;
  turn += 1;
}

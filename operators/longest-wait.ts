/** The longest wait, in ms, that the timers of our platforms take (24.8 days); a longer one fires at once. */
export const LONGEST_WAIT = 2 ** 31 - 1;

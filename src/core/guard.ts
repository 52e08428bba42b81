import { isPromise } from './eventual.js';

/** Calls a function of the application. `failed` gets what it throws, or what its promise is rejected with. */
export function guard(run: () => unknown, failed: (error: unknown) => void): void {
  try {
    const answer = run();
    if (isPromise(answer)) answer.then(undefined, failed);
  } catch (thrown) {
    failed(thrown);
  }
}

import { type SchedulerAction, type SchedulerLike, Subscription } from 'rxjs';

/**
 * A scheduler of single timers, which is all the client asks of one. RxJS's own, with its reusable intervals, would be a
 * twentieth of the browser bundle.
 */
export const clock: SchedulerLike = {
  now: () => Date.now(),
  schedule(work, delay = 0, state) {
    const action = new Subscription();
    const timer = setTimeout(() => work.call(action as SchedulerAction<never>, state as never), delay);
    action.add(() => clearTimeout(timer));
    return action;
  },
};

/** The name by which the bundle puts it in the place of RxJS's default. */
export { clock as asyncScheduler, clock as async };

import { BehaviorSubject, Subject } from 'rxjs';
import type { Backplane, Bus, BusContext, Delivery } from '../bus.js';

/** The nodes of one process. */
interface Member {
  readonly topics: Set<string>;
  readonly message$: Subject<Delivery>;
}

/**
 * Connects the servers of one process; alone, a server has rooms and channels by it. Nothing has to be installed.
 *
 * @example
 * import { clustered, memory } from 'primus-rx/cluster';
 *
 * const cluster = clustered(primus, memory());
 */
export function memory(): Backplane {
  const members = new Set<Member>();
  return {
    name: 'memory',
    open(_context: BusContext): Bus {
      const member: Member = { topics: new Set(), message$: new Subject() };
      const state$ = new BehaviorSubject<'up' | 'down'>('up');
      members.add(member);
      return {
        state$,
        message$: member.message$,
        bufferedAmount: 0,
        async listen(topics) {
          for (const topic of topics) member.topics.add(topic);
        },
        unlisten(topics) {
          for (const topic of topics) member.topics.delete(topic);
        },
        publish(topic, data) {
          for (const each of [...members]) if (each.topics.has(topic)) each.message$.next({ topic, data });
        },
        async close() {
          members.delete(member);
          state$.complete();
          member.message$.complete();
        },
      };
    },
  };
}

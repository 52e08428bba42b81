import type { Observable } from 'rxjs';
import { StateSubject } from '../core/streams/state-subject.js';

/** How many beats a node may miss before it counts as dead: a lease of five beats. */
export const LEASE_BEATS = 5;

/** The other nodes of a cluster, as far as their beats arrive. Time is counted in own beats: a clock that jumps kills no node. */
export class Nodes {
  /** The names of all nodes, of this one too, in order. */
  readonly state: StateSubject<readonly string[]>;
  readonly #own: string;
  readonly #others = new Map<string, { instance: string; missed: number }>();

  constructor(own: string, report: (error: unknown) => void) {
    this.#own = own;
    this.state = new StateSubject<readonly string[]>([own], report);
  }

  get names(): readonly string[] {
    return this.state.value;
  }

  get names$(): Observable<readonly string[]> {
    return this.state.value$;
  }

  /** Whether a node is known. */
  has(node: string): boolean {
    return node === this.#own || this.#others.has(node);
  }

  /** Whether a process is the one that has the name of a node now. */
  is(node: string, instance: string): boolean {
    return this.#others.get(node)?.instance === instance;
  }

  /** Marks that a node lives. Returns whether it is new: another process may have its name now. */
  heard(node: string, instance: string): boolean {
    const known = this.#others.get(node);
    if (known?.instance === instance) {
      known.missed = 0;
      return false;
    }
    this.#others.set(node, { instance, missed: 0 });
    if (known === undefined) this.#changed();
    return true;
  }

  /** Removes a node that has left. Returns whether it was known. */
  remove(node: string, instance?: string): boolean {
    const known = this.#others.get(node);
    if (known === undefined || (instance !== undefined && known.instance !== instance)) return false;
    this.#others.delete(node);
    this.#changed();
    return true;
  }

  /** Counts one beat. Returns the nodes that are dead now. */
  tick(): readonly string[] {
    const dead: string[] = [];
    for (const [node, other] of this.#others) if (++other.missed > LEASE_BEATS) dead.push(node);
    for (const node of dead) this.#others.delete(node);
    if (dead.length > 0) this.#changed();
    return dead;
  }

  /** Forgets all others. */
  close(): void {
    this.#others.clear();
    this.#changed();
    this.state.complete();
  }

  #changed(): void {
    this.state.next([this.#own, ...this.#others.keys()].sort());
  }
}

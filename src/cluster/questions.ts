import {
  defer,
  finalize,
  from,
  map,
  type Observable,
  type ObservableInput,
  type SchedulerLike,
  Subject,
  Subscription,
  takeUntil,
  timer,
} from 'rxjs';
import { LONGEST_WAIT } from '../../operators/duration.js';
import { asError, describe, PrimusError } from '../core/errors.js';
import { callable, type Duration, invalid, milliseconds } from '../core/options.js';
import { SafeObservable } from '../core/streams/safe-observable.js';
import type { ClusterBus } from './cluster-bus.js';
import { ALL, topicOfNode } from './names.js';
import type { Nodes } from './nodes.js';
import type { Header } from './packets.js';

/** The options of `ask`. */
export interface AskOptions {
  /** How long to wait for the answers. @defaultValue `5_000` */
  timeout?: Duration;
}

/** One answer to `ask`; or, as the last value, the nodes that have not answered in full: they have left, failed, have no handler, or were too slow. */
export type Answer<T = unknown> = { readonly node: string; readonly value: T } | { readonly missing: readonly string[] };

/** Answers a question of another node, with any number of values. */
export type Handler<Question = never, T = unknown> = (question: Question, from: { readonly node: string }) => ObservableInput<T>;

/** The part of a cluster that its questions use. */
export interface QuestionParts {
  readonly bus: ClusterBus;
  readonly nodes: Nodes;
  readonly node: string;
  readonly scheduler: SchedulerLike;
  readonly report: (error: Error) => void;
}

/** An answer, or the end of the answers, of one node. */
interface Reply {
  readonly node: string;
  readonly type: 'value' | 'done' | 'failed';
  readonly value?: unknown;
  /** How many values came before `done`: some may be lost. */
  readonly count?: unknown;
}

/** How long an answer may take in addition to its time-out, in ms: the packets are under way. */
const GRACE = 1_000;

/** How many questions a node answers at a time. */
const ANSWERING = 1_000;

/** The questions of a cluster. Each completes: what a node has not answered in time is `missing`. */
export class Questions {
  readonly #parts: QuestionParts;
  readonly #handlers = new Map<string, Handler<unknown>>();
  readonly #open = new Map<string, Subject<Reply>>();
  /** The questions of others that are being answered. */
  readonly #answering = new Map<string, Subscription>();
  #count = 0;

  constructor(parts: QuestionParts) {
    this.#parts = parts;
  }

  /**
   * Handles the questions of a name. Returns what removes the handler.
   *
   * @throws ERR_PRIMUS_OPTION when the arguments are invalid, or the name has a handler
   */
  handle(name: unknown, handler: unknown): Subscription {
    checkQuestion(name);
    if (!callable[1](handler)) throw invalid('handler', callable[0], handler);
    if (this.#handlers.has(name)) throw new PrimusError('ERR_PRIMUS_OPTION', `There is already a handler for ${describe(name)}`);
    this.#handlers.set(name, handler as Handler<unknown>);
    return new Subscription(() => this.#handlers.delete(name));
  }

  /**
   * Asks all nodes.
   *
   * @throws ERR_PRIMUS_OPTION when the arguments are invalid
   */
  ask<T>(name: unknown, question: unknown, options: AskOptions | undefined): Observable<Answer<T>> {
    checkQuestion(name);
    const limit = Math.min(milliseconds(options?.timeout ?? 5_000, 'timeout'), LONGEST_WAIT);
    const asked = jsonOf(question);
    const { bus, nodes, node, scheduler, report } = this.#parts;
    return new SafeObservable<Answer<T>>(
      (subscriber) => {
        // A node of the same name may have asked before, and is still being answered.
        const id = `${bus.instance} ${++this.#count}`;
        const waiting = new Set(nodes.names);
        const missing = new Set<string>();
        const received = new Map<string, number>();
        const reply$ = new Subject<Reply>();
        const finish = () => {
          for (const absent of waiting) missing.add(absent);
          if (missing.size > 0) subscriber.next({ missing: [...missing].sort() });
          subscriber.complete();
        };
        const settle = (answered: string, isMissing: boolean) => {
          if (!waiting.delete(answered)) return;
          if (isMissing) missing.add(answered);
          if (waiting.size === 0) finish();
        };
        this.#open.set(id, reply$);
        subscriber.add(() => {
          this.#open.delete(id);
          this.#answering.get(`${node} ${id}`)?.unsubscribe();
          if (waiting.size > 0) bus.publish(ALL, 'cancel', { id });
        });
        subscriber.add(
          reply$.subscribe({
            next: ({ node: answered, type, value, count }) => {
              if (!waiting.has(answered)) return;
              const values = received.get(answered) ?? 0;
              if (type !== 'value') return settle(answered, type === 'failed' || count !== values);
              received.set(answered, values + 1);
              subscriber.next({ node: answered, value: value as T });
            },
            complete: finish,
          }),
        );
        subscriber.add(
          nodes.names$.subscribe((present) => {
            for (const asked of [...waiting]) if (!present.includes(asked)) settle(asked, true);
          }),
        );
        if (subscriber.closed) return;
        subscriber.add(timer(limit, scheduler).subscribe(finish));
        bus.publish(ALL, 'ask', { id, name, question: asked, limit });
        this.#answer(node, id, name, asked, limit, (reply) => reply$.next({ node, ...reply }));
      },
      (error) => report(asError(error)),
    );
  }

  /** Handles a packet about questions. Returns false for others. */
  receive(header: Header): boolean {
    const { kind, from: node, id, name, question, limit, type, value, count } = header;
    const { bus } = this.#parts;
    if (kind !== 'ask' && kind !== 'answer' && kind !== 'cancel') return false;
    if (typeof id !== 'string' || node === this.#parts.node) return true;
    if (kind === 'cancel') this.#answering.get(`${node} ${id}`)?.unsubscribe();
    else if (kind === 'answer' && (type === 'value' || type === 'done' || type === 'failed'))
      this.#open.get(id)?.next({ node, type, value, count });
    else if (kind === 'ask' && typeof name === 'string' && typeof limit === 'number' && limit >= 0) {
      this.#answer(node, id, name, question, Math.min(limit + GRACE, LONGEST_WAIT), (reply) =>
        bus.publish(topicOfNode(node), 'answer', { id, ...reply }),
      );
    }
    return true;
  }

  /** Answers a node that has left no longer. `instance`: the process that has its name now, which may have asked already. */
  forget(node: string, instance = ''): void {
    for (const [key, answering] of [...this.#answering]) {
      if (key.startsWith(`${node} `) && !key.startsWith(`${node} ${instance} `)) answering.unsubscribe();
    }
  }

  /** Ends everything that is under way. */
  close(): void {
    this.#handlers.clear();
    for (const answering of [...this.#answering.values()]) answering.unsubscribe();
    for (const reply$ of [...this.#open.values()]) reply$.complete();
  }

  #answer(node: string, id: string, name: string, question: unknown, limit: number, reply: (reply: Omit<Reply, 'node'>) => void): void {
    const handler = this.#handlers.get(name);
    const key = `${node} ${id}`;
    // An engine may deliver a question twice.
    if (this.#answering.has(key)) return;
    if (handler === undefined || this.#answering.size >= ANSWERING) return reply({ type: 'failed' });
    const answering = new Subscription();
    let count = 0;
    this.#answering.set(key, answering);
    answering.add(
      defer(() => from(handler(question, { node })))
        .pipe(
          // What JSON cannot carry fails here, as an answer of this handler.
          map((value) => (value === undefined ? value : (JSON.parse(JSON.stringify(value)) as unknown))),
          takeUntil(timer(limit, this.#parts.scheduler)),
          finalize(() => this.#answering.delete(key)),
        )
        .subscribe({
          next: (value) => {
            count += 1;
            reply({ type: 'value', value });
          },
          error: (error) => {
            this.#parts.report(asError(error));
            reply({ type: 'failed' });
          },
          complete: () => reply({ type: 'done', count }),
        }),
    );
  }
}

function checkQuestion(name: unknown): asserts name is string {
  if (typeof name !== 'string' || name === '' || name.length > 512) throw invalid('name', 'a string of 1 to 512 characters', name);
}

/** Returns a question as other nodes get it. */
function jsonOf(question: unknown): unknown {
  try {
    return question === undefined ? undefined : (JSON.parse(JSON.stringify(question) ?? 'null') as unknown);
  } catch (error) {
    throw new PrimusError('ERR_PRIMUS_OPTION', 'A question must be a value that JSON can carry', { cause: error });
  }
}

import { readFileSync, realpathSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root } from './run.mjs';

/**
 * Modules of RxJS of which the client uses less than there is: no schedulers but its clock, no deprecated overloads, no settings.
 * For what it uses they do what those of RxJS do.
 */
const rxjs = {
  'scheduled/scheduled': '',
  'util/executeSchedule': '',
  'util/reportUnhandledError': 'export const reportUnhandledError = (error) => queueMicrotask(() => { throw error; });',
  'util/errorContext': 'export const errorContext = (run) => run(); export const captureError = () => {};',
  'util/UnsubscriptionError':
    'export class UnsubscriptionError extends Error { constructor(errors) { super(errors); this.errors = errors; } }',
  NotificationFactories: '',
  config: 'export const config = {};',
  'scheduler/timeoutProvider': '',
  'util/isObservable': `
    import { Observable } from '../Observable';
    export const isObservable = (value) => value instanceof Observable;`,
  'util/lift': `
    export const hasLift = () => true;
    export const operate = (init) => (source) =>
      source.lift(function (lifted) { try { return init(lifted, this); } catch (error) { this.error(error); } });`,
  'util/pipe': `
    export const pipeFromArray = (all) => (input) => all.reduce((piped, next) => next(piped), input);
    export const pipe = (...all) => pipeFromArray(all);`,

  // Streams are made of streams, promises, lists and generators,
  'observable/innerFrom': `
    import { Observable } from '../Observable';
    export function innerFrom(input) {
      if (input instanceof Observable) return input;
      return new Observable((subscriber) => {
        const last = (value) => { subscriber.next(value); subscriber.complete(); };
        if (input.then) return void input.then(last, (error) => subscriber.error(error));
        for (const value of input) {
          subscriber.next(value);
          if (subscriber.closed) return;
        }
        subscriber.complete();
      });
    }`,
  'observable/from': "export { innerFrom as from } from '../observable/innerFrom';",
  'observable/of': "import { innerFrom } from '../observable/innerFrom'; export const of = (...values) => innerFrom(values);",
  // errors by functions,
  'observable/throwError': `
    import { Observable } from '../Observable';
    export const throwError = (make) => new Observable((subscriber) => subscriber.error(make()));`,
  // and a timer tells once, after a while, by the scheduler it is given.
  'observable/timer': `
    import { Observable } from '../Observable';
    export const timer = (due, scheduler) =>
      new Observable((subscriber) => scheduler.schedule(() => { subscriber.next(0); subscriber.complete(); }, due));`,
  'observable/merge': `
    import { mergeAll } from '../operators/mergeAll';
    import { innerFrom } from '../observable/innerFrom';
    export const merge = (...sources) => mergeAll()(innerFrom(sources));`,
  'observable/concat': `
    import { mergeAll } from '../operators/mergeAll';
    import { innerFrom } from '../observable/innerFrom';
    export const concat = (...sources) => mergeAll(1)(innerFrom(sources));`,
  'operators/endWith': `
    import { concat } from '../observable/concat';
    export const endWith = (...values) => (source) => concat(source, values);`,
  'operators/mergeMap': `
    import { operate } from '../util/lift';
    import { mergeInternals } from '../operators/mergeInternals';
    export const mergeMap = (project, concurrent = Infinity) =>
      operate((source, subscriber) => mergeInternals(source, subscriber, project, concurrent));`,
  'operators/expand': `
    import { operate } from '../util/lift';
    import { mergeInternals } from '../operators/mergeInternals';
    export const expand = (project) =>
      operate((source, subscriber) => mergeInternals(source, subscriber, project, Infinity, true));`,
  'operators/switchMap': `
    import { innerFrom } from '../observable/innerFrom';
    import { operate } from '../util/lift';
    import { createOperatorSubscriber } from '../operators/OperatorSubscriber';
    export const switchMap = (project) =>
      operate((source, subscriber) => {
        let inner, isComplete;
        const checkComplete = () => isComplete && !inner && subscriber.complete();
        source.subscribe(
          createOperatorSubscriber(
            subscriber,
            (value) => {
              inner?.unsubscribe();
              innerFrom(project(value)).subscribe(
                (inner = createOperatorSubscriber(subscriber, undefined, () => { inner = null; checkComplete(); })),
              );
            },
            () => { isComplete = true; checkComplete(); },
          ),
        );
      });`,
  'operators/tap': `
    import { operate } from '../util/lift';
    import { createOperatorSubscriber } from '../operators/OperatorSubscriber';
    export const tap = (observer) =>
      operate((source, subscriber) => {
        const { next, complete } = observer.call ? { next: observer } : observer;
        source.subscribe(
          createOperatorSubscriber(
            subscriber,
            (value) => { next?.(value); subscriber.next(value); },
            () => { complete?.(); subscriber.complete(); },
          ),
        );
      });`,
  // It waits for a stream, each time and without end.
  'operators/retry': `
    import { innerFrom } from '../observable/innerFrom';
    import { operate } from '../util/lift';
    import { createOperatorSubscriber } from '../operators/OperatorSubscriber';
    export const retry = ({ delay }) =>
      operate((source, subscriber) => {
        let inner;
        const again = () => {
          let early = false;
          inner = source.subscribe(
            createOperatorSubscriber(subscriber, undefined, undefined, (error) => {
              const waiting = createOperatorSubscriber(subscriber, () => {
                waiting.unsubscribe();
                if (inner) next(); else early = true;
              });
              innerFrom(delay(error)).subscribe(waiting);
            }),
          );
          if (early) next();
        };
        const next = () => {
          inner.unsubscribe();
          inner = null;
          again();
        };
        again();
      });`,
};

/** The same of frameworks. */
const frameworks = {
  // What sockjs-client has for browsers that do not run the rest of the bundle, or for pages within a frame.
  'sockjs-shims': '',
  'sockjs-iframe-bootstrap': 'module.exports = () => {};',
  'sockjs-info-iframe': 'module.exports = { enabled: () => false };',
  'sockjs-log': 'module.exports = console;',
  // Engine.IO's: addresses are parsed by us, and every browser of today has CORS.
  parseuri: 'export const parse = () => {};',
  'has-cors': 'export const hasCORS = true;',
};

/** What is cut out of modules that stay, each with what comes in its place. */
const cuts = {
  'rxjs/src/internal/Subscriber.ts': [
    [/\bconfig\.useDeprecated\w+/g, 'false'],
    [/static create<T>[^}]*\}/, ''],
    [/handleStoppedNotification\([^;]*, this\);/g, ''],
    [/const _bind = .*/, ''],
  ],
  'rxjs/src/internal/Subscription.ts': [
    [/public static EMPTY = [\s\S]*?\}\)\(\);/, ''],
    [/Subscription\.EMPTY;/, 'null;'],
  ],
  'rxjs/src/internal/Observable.ts': [
    [/static create: [\s\S]*?\n {2}\};/, ''],
    [/toPromise\(promiseCtor\?[\s\S]*?\n {2}\}\n/, ''],
    [/config\.Promise \?\? /, ''],
  ],
  'rxjs/src/internal/operators/OperatorSubscriber.ts': [
    [/private shouldUnsubscribe\?: .*/, ''],
    [/if \(!this\.shouldUnsubscribe .*/, '{'],
  ],
  'rxjs/src/internal/operators/mergeInternals.ts': [
    [/ onBeforeNext\?: .*/, ''],
    [/onBeforeNext\?\.\(innerValue\);/, ''],
    [/if \(innerSubScheduler\) \{[\s\S]*?\} else \{\s*(doInnerSub\(bufferedValue\);)\s*\}/, '$1'],
    [/return \(\) => \{\s*additionalFinalizer\?\.\(\);\s*\};/, ''],
  ],
};

/** An esbuild plugin that makes the browser's client lean: half of the weight of RxJS, and some of the frameworks'. */
export const lean = {
  name: 'lean',
  setup({ onLoad, onResolve }) {
    const internal = realpathSync(join(root, 'node_modules/rxjs/src/internal'));
    onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
      const module = relative(internal, join(resolveDir, path)).replaceAll('\\', '/');
      if (module === 'scheduler/async') return { path: join(root, 'client/platform/clock.ts') };
      return module in rxjs ? { path: module, namespace: 'lean' } : undefined;
    });
    onResolve({ filter: new RegExp(`/(${Object.keys(frameworks).join('|')})(.js)?$`) }, ({ path }) => ({
      path: path.replace(/.*\/|\.js$/g, ''),
      namespace: 'lean',
    }));
    onResolve({ filter: /^\.\.?\/(shims|iframe-bootstrap|info-iframe|utils\/log)$/ }, ({ path, importer }) =>
      /[\\/]sockjs-client[\\/]/.test(importer) ? { path: `sockjs${path.replace(/.*\//, '-')}`, namespace: 'lean' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'lean' }, ({ path }) => ({
      contents: rxjs[path] ?? frameworks[path],
      resolveDir: join(internal, 'operators'),
    }));
    onLoad({ filter: /[\\/]node_modules[\\/].*\.ts$/ }, ({ path }) => {
      const file = path.replaceAll('\\', '/').replace(/.*\/node_modules\//, '');
      return (
        cuts[file] && { contents: cuts[file].reduce((source, cut) => without(source, cut, file), readFileSync(path, 'utf8')), loader: 'ts' }
      );
    });
  },
};

function without(source, [part, instead], file) {
  const rest = source.replace(part, instead);
  if (rest === source) throw new Error(`${file} has changed: there is no ${part} in it any more`);
  return rest;
}

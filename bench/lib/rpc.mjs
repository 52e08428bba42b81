// Calls between the runner and its processes: `{ id, method, args }` there, `{ id, value | error }` back.
import { fork } from 'node:child_process';

const CALL_TIMEOUT = 60_000;

/** Answers the runner's calls in a process it started. */
export function answer(methods) {
  process.on('message', async ({ id, method, args }) => {
    try {
      process.send({ id, value: await methods[method](...args) });
    } catch (error) {
      process.send({ id, error: { message: error.stack, code: error.code } });
    }
  });
  // Ends with the runner.
  process.on('disconnect', () => process.exit());
}

/** Starts a process; every property of the result but `stop` is a method of it that returns a promise. */
export function start(file, args = [], execArgv = []) {
  const child = fork(file, args, { execArgv });
  const waiting = new Map();
  let calls = 0;
  let ended;

  child.on('message', ({ id, value, error }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(value);
    else reject(Object.assign(new Error(error.message), { code: error.code }));
  });
  const gone = new Promise((resolve) => {
    child.on('exit', (code, signal) => {
      ended = new Error(`The process of ${args.join(' ') || file} ended: ${signal ?? code}`);
      for (const { reject } of waiting.values()) reject(ended);
      waiting.clear();
      resolve();
    });
  });

  const call = (method, ...args) =>
    new Promise((resolve, reject) => {
      if (ended !== undefined) {
        reject(ended);
        return;
      }
      const id = ++calls;
      const timer = setTimeout(() => reject(new Error(`${method} took longer than ${CALL_TIMEOUT / 1000} s`)), CALL_TIMEOUT);
      const settled = (done) => (value) => {
        clearTimeout(timer);
        done(value);
      };
      waiting.set(id, { resolve: settled(resolve), reject: settled(reject) });
      child.send({ id, method, args });
    });

  const stop = async () => {
    if (child.connected) child.disconnect();
    const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
    await gone;
    clearTimeout(timer);
  };

  return new Proxy({ stop }, { get: (own, name) => own[name] ?? (name === 'then' ? undefined : (...args) => call(name, ...args)) });
}

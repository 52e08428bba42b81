/** A value of any type, for tests that only compile. */
export const anything: never = new Proxy(() => {}, { get: () => anything }) as never;

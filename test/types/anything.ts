/** Stands for a value of any type in a test of types, where nothing is asked of it but to be there. */
export const anything: never = new Proxy(() => {}, { get: () => anything }) as never;

// The hooks that `react.ts` uses. Declared here, neither the build nor applications in JavaScript need the types of React.

declare module 'react' {
  export function useEffect(effect: () => () => void, dependencies: readonly unknown[]): void;
  export function useMemo<T>(make: () => T, dependencies: readonly unknown[]): T;
  export function useState<T>(): [state: T | undefined, set: (state: T | undefined) => void];
  export function useSyncExternalStore<T>(subscribe: (changed: () => void) => () => void, get: () => T, getOnServer: () => T): T;
}

type Constructor = abstract new (...args: never[]) => unknown;

/** A class that may also be called without `new`; in all else it is the class. */
export function callable<C extends Constructor>(Class: C): C & ((...args: ConstructorParameters<C>) => InstanceType<C>) {
  const called: C = new Proxy(Class, {
    apply: (target, _this, args) => Reflect.construct(target, args),
    // Made by the class itself unless by a subclass: engines lay out what anything else makes in a larger, slower shape.
    construct: (target, args, maker) => Reflect.construct(target, args, maker === called ? target : maker) as object,
  });
  (Class as unknown as { prototype: { constructor: unknown } }).prototype.constructor = called;
  return called as never;
}

type Constructor = abstract new (...args: never[]) => unknown;

/** Returns a class that may also be called without `new`, and is like the given class in everything else. */
export function callable<C extends Constructor>(Class: C): C & ((...args: ConstructorParameters<C>) => InstanceType<C>) {
  const called: C = new Proxy(Class, {
    apply: (target, _this, args) => Reflect.construct(target, args),
    // Objects of the class are created by the class itself: engines give those of a proxy a larger, slower layout.
    construct: (target, args, maker) => Reflect.construct(target, args, maker === called ? target : maker) as object,
  });
  (Class as unknown as { prototype: { constructor: unknown } }).prototype.constructor = called;
  return called as never;
}

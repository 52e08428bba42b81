type Constructor = abstract new (...args: never[]) => unknown;

/** A class that may also be called without `new`; its statics, its prototype and its subclasses are those of the class. */
export function callable<C extends Constructor>(Class: C): C & ((...args: ConstructorParameters<C>) => InstanceType<C>) {
  const called = function (...args: never[]): unknown {
    // Made by the class itself unless by a subclass: engines lay out what another function makes in a larger, slower shape.
    const maker = new.target === undefined || new.target === called ? Class : new.target;
    return Reflect.construct(Class as never, args, maker as never);
  };
  Object.setPrototypeOf(called, Class);
  called.prototype = Class.prototype;
  called.prototype.constructor = called;
  // The name of the class shows through.
  Reflect.deleteProperty(called, 'name');
  return called as never;
}

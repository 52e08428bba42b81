import type { Link } from '../../../src/core/link.js';
import type { LinkGroup } from '../../../src/core/transformer.js';

let groups = 0;

/** A link that can be in groups. */
interface Member extends Link {
  leave(group: Group): void;
}

/** The links of a topic of the engine, which publishes a frame to all of them. */
export class Group implements LinkGroup {
  readonly topic = `primus group ${groups++}`;
  size = 0;

  remove(link: Link): void {
    (link as Member).leave(this);
  }
}

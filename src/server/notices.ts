import cluster from 'node:cluster';
import type { Host } from './http/host.js';

/** What the person who runs a server should know of it: a warning of the process. */
export function notice(code: string, message: string): void {
  process.emitWarning(message, { type: 'PrimusWarning', code });
}

/** Workers of a cluster take connections in turn: whatever lives on several requests would be torn apart. */
export function noticeCluster({ continues }: Host, transformer: string, silenced: boolean): void {
  if (silenced || continues === undefined || !cluster.isWorker) return;
  const message =
    `A connection by ${transformer} is many requests, which must all reach the same process, and Node's cluster does not see to that. ` +
    "Put a balancer with sticky sessions in front, use the transformer 'websockets', or set the option iknowclusterwillbreakconnections to true";
  notice('PRIMUS_CLUSTER', message);
}

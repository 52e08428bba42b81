import cluster from 'node:cluster';
import { misspelledMessage, misspelledOptions } from '../core/option-names.js';
import type { Host } from './http/host.js';

/** Emits a warning of the process, for the person who runs the server. */
export function notice(code: string, message: string): void {
  process.emitWarning(message, { type: 'PrimusWarning', code });
}

/** Warns that Node's cluster gives the requests of one connection to different workers, which breaks it. */
export function noticeCluster({ continues }: Host, transformer: string, silenced: boolean): void {
  if (silenced || continues === undefined || !cluster.isWorker) return;
  const message =
    `A connection of '${transformer}' is made of many requests, which must all reach the same process. Node's cluster does not ensure that. ` +
    "Use a load balancer with sticky sessions, use the transformer 'websockets', or set `iknowclusterwillbreakconnections` to silence this warning";
  notice('PRIMUS_CLUSTER', message);
}

/** Warns of options that are unknown and close to a known one. Any other unknown option may be a plugin's. */
export function noticeMisspelled(options: object): void {
  for (const option of misspelledOptions(options)) notice('PRIMUS_OPTION', misspelledMessage(option));
}

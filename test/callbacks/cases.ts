import type { Case } from './case.js';
import { clients } from './cases/clients.js';
import { messages } from './cases/messages.js';
import { parts } from './cases/parts.js';
import { server } from './cases/server.js';
import { sparks } from './cases/sparks.js';

/** All cases, in groups that run in a process each. */
export const groups: { readonly [name: string]: readonly Case[] } = { server, messages, sparks, clients, parts };

import { connections } from './connections.js';
import { crashes } from './crashes.js';
import { order } from './order.js';
import { protocol } from './protocol.js';
import { requests } from './requests.js';
import type { Defect } from './stage.js';

export const defects: Defect[] = [...protocol, ...crashes, ...order, ...connections, ...requests];

import { crashes } from './crashes.js';
import { lines } from './lines.js';
import { order } from './order.js';
import { protocol } from './protocol.js';
import { requests } from './requests.js';
import type { Defect } from './stage.js';

export const defects: Defect[] = [...protocol, ...crashes, ...order, ...lines, ...requests];

import { Laboratory, type LaboratoryOptions } from '../faults/laboratory/laboratory.js';
import { cleanup } from './serve.js';

/** A laboratory in front of a port of this machine; closed after the test. */
export async function startLaboratory(port: number, options?: LaboratoryOptions): Promise<Laboratory> {
  const laboratory = await Laboratory.start(port, options);
  cleanup(() => laboratory.close());
  return laboratory;
}

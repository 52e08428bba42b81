// What the server and its clients agree on: both import it.
import { contract, events } from 'primus-rx/contract';
import { z } from 'zod';

/** The steps of an order. */
export const steps = ['accepted', 'packed', 'sent'] as const;

export const shop = contract({
  toServer: {
    requests: {
      order: {
        input: z.object({ item: z.string().min(1).max(50), count: z.int().min(1).max(100) }),
        output: z.object({ id: z.int(), left: z.int() }),
      },
      /** Answers with each step as it is taken. */
      follow: { input: z.object({ id: z.int() }), output: z.enum(steps) },
    },
  },
  toClient: {
    messages: events({ stock: z.object({ item: z.string(), left: z.int() }) }),
  },
});

import type { CauseModel } from './decide.ts';
import weights from './weights.json' with { type: 'json' };

/** The weights that are shipped: fitted on the sample by `imapwhy fit causes`, readable and open to question in weights.json. */
export const SHIPPED_MODEL: CauseModel = weights;

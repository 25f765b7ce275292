import { fail2ban } from '../../../processors/parse/fail2ban.ts';
import { surviveHostileLines } from './hostile-lines.ts';
import { sourceGolden } from './source-golden.ts';

sourceGolden(fail2ban);
surviveHostileLines(fail2ban);

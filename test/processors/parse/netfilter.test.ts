import { netfilter } from '../../../processors/parse/netfilter.ts';
import { surviveHostileLines } from './hostile-lines.ts';
import { sourceGolden } from './source-golden.ts';

sourceGolden(netfilter);
surviveHostileLines(netfilter);

import { netflow } from '../../../processors/parse/netflow.ts';
import { surviveHostileLines } from './hostile-lines.ts';
import { sourceGolden } from './source-golden.ts';

sourceGolden(netflow);
surviveHostileLines(netflow);

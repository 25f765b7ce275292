/** A process that writes to a store until it is killed, and says after each batch how many are durable. Used by sqlite.test.ts. */
import { writeSync } from 'node:fs';
import { openStore } from '../../outputs/sqlite.ts';
import { healthySession } from '../profiles.ts';

const [file = '', bulk = 'true', size = '100'] = process.argv.slice(2);
const store = openStore(file, { bulk: bulk === 'true' });
for (let batch = 0; ; batch++) {
  const sessions = Array.from({ length: Number(size) }, (_, i) => healthySession(`b${batch}-${i}`, i));
  await store.write({
    profiles: sessions.map((s) => s.profile),
    events: sessions.flatMap((s) => s.events),
    incidents: [],
  });
  writeSync(1, `${batch + 1}\n`);
}

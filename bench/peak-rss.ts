/** Loaded into a measured process (`--import`): leaves its peak of memory, in bytes, in the file named by IMAPWHY_BENCH_PEAK. */
import { writeFileSync } from 'node:fs';

process.on('exit', () => {
  const file = process.env.IMAPWHY_BENCH_PEAK;
  if (file !== undefined) writeFileSync(file, String(process.resourceUsage().maxRSS * 1024));
});

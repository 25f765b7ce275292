import { SingleBar } from 'cli-progress';
import type { Progress } from './run-analysis.ts';

export interface ProgressDisplay {
  show(progress: Progress): void;
  done(): void;
}

const LINE_EVERY_MS = 5000;

/** A bar with rate and time left on a terminal, a plain line every five seconds elsewhere; both on stderr. */
export function progressDisplay(stderr: NodeJS.WriteStream, quiet: boolean): ProgressDisplay {
  if (quiet) return { show: () => {}, done: () => {} };
  return stderr.isTTY ? bar(stderr) : plainLines(stderr);
}

function bar(stderr: NodeJS.WriteStream): ProgressDisplay {
  const startedAt = performance.now();
  let single: SingleBar | undefined;
  let last = 0;
  return {
    show(p) {
      if (p.bytesTotal === undefined || p.bytesTotal === 0) return;
      if (!single) {
        single = new SingleBar({
          format: ' {bar} {percentage} %  {lines} lines  {rate} lines/s  {eta_formatted} left',
          stream: stderr,
          clearOnComplete: true,
          hideCursor: true,
          etaBuffer: 50,
        });
        single.start(p.bytesTotal, 0, { lines: '0', rate: '' });
      }
      const now = performance.now();
      if (now - last < 80) return;
      last = now;
      single.update(Math.min(p.bytes, p.bytesTotal), { lines: grouped(p.lines), rate: rate(p.lines, now - startedAt) });
    },
    done() {
      single?.stop();
    },
  };
}

function plainLines(stderr: NodeJS.WriteStream): ProgressDisplay {
  const startedAt = performance.now();
  let last = startedAt;
  return {
    show(p) {
      const now = performance.now();
      if (now - last < LINE_EVERY_MS) return;
      last = now;
      const share = p.bytesTotal ? `${Math.floor((100 * p.bytes) / p.bytesTotal)} %, ` : '';
      const left =
        p.bytesTotal && p.bytes > 0
          ? `, ${Math.ceil(((now - startedAt) * (p.bytesTotal - p.bytes)) / p.bytes / 1000)} s left`
          : '';
      stderr.write(`reading: ${share}${grouped(p.lines)} lines, ${rate(p.lines, now - startedAt)} lines/s${left}\n`);
    },
    done() {},
  };
}

const grouped = (n: number): string => n.toLocaleString('en-US');
const rate = (lines: number, ms: number): string => grouped(Math.round((lines / Math.max(1, ms)) * 1000));

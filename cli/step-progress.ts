import { SingleBar } from 'cli-progress';

/** Progress of work that counts steps. */
export interface StepProgress {
  /** `note` says what is going on, such as the loss. */
  show(done: number, of: number, note: string): void;
  finish(): void;
}

const LINE_EVERY_MS = 5000;

/** A bar with time left on a terminal, a plain line every five seconds elsewhere; both on stderr. */
export function stepProgress(title: string, stderr: NodeJS.WriteStream, quiet: boolean): StepProgress {
  if (quiet) return { show: () => {}, finish: () => {} };
  return stderr.isTTY ? bar(title, stderr) : plainLines(title, stderr);
}

function bar(title: string, stderr: NodeJS.WriteStream): StepProgress {
  const startedAt = performance.now();
  let startedWith = 0;
  let single: SingleBar | undefined;
  let last = 0;
  return {
    show(done, of, note) {
      if (!single) {
        startedWith = done;
        single = new SingleBar({
          format: ` ${title} {bar} {percentage} %  {note}  {left} left`,
          stream: stderr,
          clearOnComplete: true,
          hideCursor: true,
        });
        single.start(of, done, { note, left: '?' });
      }
      const now = performance.now();
      if (now - last < 100) return;
      last = now;
      single.update(done, { note, left: timeLeft(now - startedAt, done - startedWith, of - done) });
    },
    finish: () => single?.stop(),
  };
}

function plainLines(title: string, stderr: NodeJS.WriteStream): StepProgress {
  const startedAt = performance.now();
  let last = startedAt;
  let startedWith: number | undefined;
  return {
    show(done, of, note) {
      startedWith ??= done;
      const now = performance.now();
      if (now - last < LINE_EVERY_MS) return;
      last = now;
      const left = timeLeft(now - startedAt, done - startedWith, of - done);
      stderr.write(`${title}: ${Math.floor((100 * done) / of)} %, ${note}${note === '' ? '' : ', '}${left} left\n`);
    },
    finish() {},
  };
}

function timeLeft(elapsedMs: number, done: number, toDo: number): string {
  if (done <= 0) return '?';
  const seconds = Math.ceil((elapsedMs * toDo) / done / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

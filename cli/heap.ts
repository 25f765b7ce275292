import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** From so many bytes of heap on it may grow by this many percent between two full collections; V8's own choice is up to four times. */
const STEPS = [
  { bytes: 600 << 20, percent: 30 },
  { bytes: 900 << 20, percent: 10 },
] as const;

let percent: number | undefined;

/**
 * Time is cheaper than memory once there is much of it: with a million sessions open, what is alive is 1.2 GB, and V8 by itself would let the heap
 * reach twice that before it collects. Called once a batch; it costs a few microseconds. A limit (`--max-old-space-size`) would end the process instead.
 */
export function keepHeapTight(): void {
  const used = getHeapStatistics().used_heap_size;
  const step = STEPS.findLast(({ bytes }) => used >= bytes);
  if (step === undefined || step.percent >= (percent ?? Number.POSITIVE_INFINITY)) return;
  percent = step.percent;
  setFlagsFromString(`--heap-growing-percent=${percent}`);
}

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { UsableModel } from '../models/prediction/forecast.ts';
import { FEATURES } from '../models/prediction/knowledge.ts';
import { readOnnx } from '../models/prediction/onnx-read.ts';
import { modelFault } from '../models/prediction/prediction-model.ts';
import { parseSideFile, type SideFile } from '../models/prediction/side-file.ts';
import { messageOf, OutputError } from '../outputs/output-error.ts';
import { UseError } from './use-error.ts';

export const ONNX_NAME = 'model.onnx';
export const SIDE_NAME = 'model.json';
export const CARD_NAME = 'MODEL-CARD.md';

/** A model directory that cannot be used: the message says why and what to do. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
}

/** Reads and checks a directory that `train` wrote. */
export async function loadModel(directory: string): Promise<UsableModel> {
  if (!existsSync(directory))
    throw new UseError(
      `${directory}: no such model directory. imapwhy train --from PROFILES.ndjson --out ${directory} makes one; none is shipped, because a model of another site knows nothing about yours.`,
    );
  const side = await loadSide(directory);
  const onnx = await readFile(join(directory, ONNX_NAME)).catch(() => undefined);
  if (!onnx) throw broken(directory, `${ONNX_NAME} is missing, so it is half-written or was taken apart`);
  if (sha256(onnx) !== side.model_sha256)
    throw broken(
      directory,
      `${ONNX_NAME} is not the file that was written with ${SIDE_NAME}: it was changed or cut off`,
    );
  const model = readOnnx(onnx);
  const fault = model ? modelFault(model, FEATURES.length) : 'structure';
  if (!model || fault !== undefined) throw broken(directory, `${ONNX_NAME} has a wrong ${fault}`);
  return { model, side, name: `${model.kind}-${side.model_sha256.slice(0, 8)}` };
}

export async function loadSide(directory: string): Promise<SideFile> {
  const text = await readFile(join(directory, SIDE_NAME), 'utf8').catch(() => undefined);
  if (text === undefined) throw broken(directory, `${SIDE_NAME} is missing, so it is no model or half-written`);
  const read = parseSideFile(text, FEATURES);
  if (read.kind === 'problem') throw broken(directory, `${SIDE_NAME} ${read.problem}`);
  return read.side;
}

function broken(directory: string, what: string): ModelError {
  return new ModelError(
    `${directory}: ${what}. Train it again: imapwhy train --from PROFILES.ndjson --out ${directory} --force`,
  );
}

/** Whether a new model may go to `directory`. A directory that holds something else is never touched. */
export async function checkTarget(directory: string, force: boolean): Promise<SideFile | undefined> {
  if (!existsSync(directory)) return undefined;
  const names = await readdir(directory).catch((cause: unknown) => {
    throw new UseError(`--out ${directory}: is no folder (${messageOf(cause)}).`, { cause });
  });
  if (names.length === 0) return undefined;
  if (!names.includes(ONNX_NAME) && !names.includes(SIDE_NAME))
    throw new UseError(`--out ${directory}: holds files that are no model. Name a new folder.`);
  try {
    return await loadSide(directory);
  } catch (error) {
    if (force) return undefined;
    throw error;
  }
}

/** Writes all files beside `directory` and then puts them in its place, so that nobody ever sees half a model. */
export async function writeModel(directory: string, files: ReadonlyMap<string, string | Uint8Array>): Promise<void> {
  const target = resolve(directory);
  const partial = join(dirname(target), `.${basename(target)}.partial-${process.pid}`);
  const old = join(dirname(target), `.${basename(target)}.old-${process.pid}`);
  try {
    await mkdir(partial, { recursive: true });
    for (const [name, content] of files) await writeFile(join(partial, name), content, { flush: true });
    if (existsSync(target)) await rename(target, old);
    await rename(partial, target);
    await rm(old, { recursive: true, force: true });
  } catch (cause) {
    if (!existsSync(target) && existsSync(old)) await rename(old, target);
    await rm(partial, { recursive: true, force: true });
    throw new OutputError('OUTPUT_FAILED', `${directory}: the model cannot be written: ${messageOf(cause)}`, cause);
  }
}

export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

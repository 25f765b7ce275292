import { createHash } from 'node:crypto';
import { MODEL_KINDS, type ModelKind } from './prediction-model.ts';

/** Goes up whenever a feature changes its meaning: an older model would read other numbers than it was trained on. */
export const MODEL_FORMAT = 3;

/** What stands beside the ONNX file: all that is needed to use and to judge it. Written by `train`, never by hand. */
export interface SideFile {
  readonly format: number;
  readonly engine: string;
  readonly kind: ModelKind;
  readonly model_sha256: string;
  readonly features: readonly string[];
  readonly step_inputs: readonly string[];
  readonly scaling: { readonly mean: readonly number[]; readonly deviation: readonly number[] };
  /** Log-odds of the parts times these, added, are calibrated log-odds. */
  readonly blend: Readonly<Record<string, number>>;
  /** Best mean of both recalls on the validation part. */
  readonly threshold: number;
  readonly base_rate: number;
  readonly trained_on: {
    readonly from: string;
    readonly to: string;
    readonly attempts: number;
    readonly clients: number;
    readonly failed: number;
    readonly sha256: string;
    readonly seed: number;
  };
  /** Figures on the part that nothing was fitted on; what live figures are held against. */
  readonly card: {
    readonly from: string;
    readonly to: string;
    readonly auprc: number;
    readonly auroc: number;
    readonly accuracy: number;
    readonly brier_skill: number;
    readonly ece: number;
    readonly failure_rate: number;
    readonly mean_risk: number;
  };
}

export type ReadSideFile =
  | { readonly kind: 'side'; readonly side: SideFile }
  | { readonly kind: 'problem'; readonly problem: string };

/** The text ends in a checksum of itself, so that a changed figure is noticed too. */
export function sideFileText(side: SideFile): string {
  const text = JSON.stringify(side, null, 2);
  return `${text.slice(0, -2)},\n  "sha256": "${checksum(text)}"\n}\n`;
}

export function parseSideFile(text: string, features: readonly string[]): ReadSideFile {
  const problem = (p: string): ReadSideFile => ({ kind: 'problem', problem: p });
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return problem('is no JSON: it is half-written or damaged');
  }
  if (typeof parsed !== 'object' || parsed === null || !('format' in parsed))
    return problem('is no side file of a model');
  if (parsed.format !== MODEL_FORMAT)
    return problem(
      `is of format ${String(parsed.format)}, this imapwhy reads ${MODEL_FORMAT}: it was made by another version`,
    );
  const { sha256, ...rest } = { sha256: undefined, ...parsed };
  if (sha256 !== checksum(JSON.stringify(rest, null, 2)))
    return problem('does not match its checksum: it was changed or cut off');
  if (!isSideFile(rest)) return problem('lacks fields that this imapwhy needs');
  if (rest.features.length !== features.length || rest.features.some((name, i) => name !== features[i]))
    return problem('names other features than this imapwhy computes: it was made by another version');
  return { kind: 'side', side: rest };
}

/** After the checksum has shown that it is what we wrote, the fields that decide how it is used. */
function isSideFile(value: object): value is SideFile {
  return (
    'kind' in value &&
    MODEL_KINDS.some((k) => k === value.kind) &&
    'model_sha256' in value &&
    typeof value.model_sha256 === 'string' &&
    'features' in value &&
    Array.isArray(value.features) &&
    'base_rate' in value &&
    typeof value.base_rate === 'number' &&
    'threshold' in value &&
    typeof value.threshold === 'number' &&
    'card' in value &&
    typeof value.card === 'object' &&
    'trained_on' in value &&
    typeof value.trained_on === 'object'
  );
}

const checksum = (text: string): string => createHash('sha256').update(text).digest('hex');

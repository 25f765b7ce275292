import { DocumentValues, type Shape, shapeOf, written } from './document-shape.ts';
import { type EcsSource, toEcs } from './ecs.ts';
import type { DovecotLoginEvent, DovecotSessionEvent } from './parse/dovecot.ts';
import { addDovecotRelated, addDovecotValues, dovecotWords } from './parse/dovecot-values.ts';
import type { ParsedEvent } from './parse/index.ts';
import type { NetflowEvent } from './parse/netflow.ts';
import { addNetflowValues, netflowWords } from './parse/netflow-values.ts';
import { NO_SECRETS } from './redact.ts';

/** Where values stand in documents of any format. */
const PATHS: ReadonlySet<string> = new Set([
  '@timestamp',
  'event.id',
  'event.timezone',
  'log.file.path',
  'event.original',
  'host.name',
  'log.offset',
  'log.syslog.appname',
  'log.syslog.procid',
  'related.ip',
  'related.user',
  'related.hosts',
  'event.reason',
  'event.duration',
  'source.ip',
  'source.port',
  'source.bytes',
  'server.ip',
  'server.port',
  'destination.bytes',
  'user.name',
  'user.domain',
  'tls.version',
  'tls.cipher',
  'process.pid',
  'user_agent.original',
  'dovecot.session_id',
  'dovecot.method',
  'dovecot.tls_error',
  'dovecot.attempts',
  'dovecot.waited_seconds',
  'dovecot.timer_seconds',
  'dovecot.command',
  'dovecot.command_seconds',
  'dovecot.waiting_seconds',
  'dovecot.lock_seconds',
  'dovecot.buffered_out',
  'dovecot.inactive_seconds',
  'event.start',
  'event.end',
  'source.packets',
  'destination.ip',
  'destination.port',
  'network.bytes',
  'network.packets',
  'imapwhy.netflow.flags',
]);
export type ShapedEvent = DovecotLoginEvent | DovecotSessionEvent | NetflowEvent;

export function isShaped(e: ParsedEvent): e is ShapedEvent {
  return e.dataset === 'dovecot.login' || e.dataset === 'dovecot.session' || e.dataset === 'netflow.flow';
}

const wordsOf = (e: ShapedEvent) => (e.dataset === 'netflow.flow' ? netflowWords(e) : dovecotWords(e));

/** A log of some million lines has 60. */
const SHAPES_MAX = 512;

interface KnownShape {
  readonly words: readonly (string | undefined)[];
  /** Undefined if it was not understood. */
  readonly shape: Shape | undefined;
}
const NONE = { shape: undefined };

/** Of all sources, by `DocumentValues.present`. */
const SHAPES = new Map<number, KnownShape[]>();
let shapesCount = 0;

/** Documents of one source: see document-shape.ts. */
export class ShapedDocuments {
  readonly #source: EcsSource;
  readonly #zoneName: string;
  readonly #id: string;
  readonly #path: string;
  readonly #values = new DocumentValues();

  constructor(source: EcsSource, zoneName: string) {
    this.#source = source;
    this.#zoneName = zoneName;
    this.#id = written(`${source.fingerprint}-`);
    this.#path = written(source.name);
  }

  /** The text of the document; undefined if it has to be made the long way. `plain`: as for `DocumentValues`. */
  write(event: ShapedEvent, plain: boolean): string | undefined {
    const { line, stamp } = event;
    const values = this.#values;
    values.begin(plain);
    values.time(stamp.at);
    values.always(this.#id + base36(line.offset));
    values.always(plain ? line.raw : written(line.raw));
    values.text(stamp.zoned ? undefined : this.#zoneName);
    if (event.dataset === 'netflow.flow') addNetflowValues(event, values);
    else addDovecotValues(event, values);
    values.text(line.host);
    values.always(this.#path);
    values.always(`${line.offset}`);
    values.text(line.program);
    values.number(line.program === undefined ? undefined : line.pid);
    if (event.dataset !== 'netflow.flow') addDovecotRelated(event, values);
    const { shape } = known(event, values) ?? this.#learn(event) ?? NONE;
    return shape && values.in(shape);
  }

  #learn(event: ShapedEvent): KnownShape | undefined {
    if (shapesCount === SHAPES_MAX) return undefined;
    shapesCount++;
    const document = toEcs(event, this.#source, NO_SECRETS, this.#zoneName);
    const shape = shapeOf(document, PATHS);
    const isRight = this.#values.in(shape) === JSON.stringify(document);
    const learnt = { words: wordsOf(event), shape: isRight ? shape : undefined };
    const { present } = this.#values;
    SHAPES.set(present, [...(SHAPES.get(present) ?? []), learnt]);
    return learnt;
  }
}

function known(event: ShapedEvent, { present }: DocumentValues): KnownShape | undefined {
  const words = wordsOf(event);
  for (const shape of SHAPES.get(present) ?? []) if (areSame(shape.words, words)) return shape;
  return undefined;
}

function areSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
}

/** Of a number in base 36 all but its last two digits, as the number before had them: offsets grow by the length of a line. */
let high = -1;
let highDigits = '';
const LOW_DIGITS = Array.from({ length: 36 * 36 }, (_, n) => n.toString(36).padStart(2, '0'));

/** `offset.toString(36)`, which asks the engine's slow path for each. */
function base36(offset: number): string {
  const low = offset % LOW_DIGITS.length;
  const rest = (offset - low) / LOW_DIGITS.length;
  if (rest === 0) return offset.toString(36);
  if (rest !== high) {
    high = rest;
    highDigits = rest.toString(36);
  }
  return highDigits + LOW_DIGITS[low];
}

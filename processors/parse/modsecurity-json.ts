import type { Line, Stamp } from '../event.ts';
import type { CivilZone } from '../time.ts';
import {
  bounded,
  forwardedFor,
  headerText,
  hostName,
  readRequestLine,
  readTarget,
  redactText,
} from './http-request.ts';
import { parseBrokenJson } from './json-repair.ts';
import { clfStamp, ctimeStamp, epochStamp, isoStamp } from './log-time.ts';
import { userOfAuthorization, userOfBody, userOfForm } from './login-name.ts';
import type { ModsecurityEvent, WafRule } from './modsecurity.ts';
import { matchOf } from './modsecurity-match.ts';
import {
  isEvaluationRule,
  readSentence,
  type Sentence,
  scoreOf,
  severityName,
  variableOf,
  variableOfData,
} from './modsecurity-sentence.ts';
import { addressOf, portOf, verdictOf } from './modsecurity-serial.ts';
import { failed, type ParseOutcome, parsed, type RecordContext } from './parser.ts';

/**
 * One transaction of a JSON audit log. Three schemas: v2 (`audit_data`, sentences as strings), v3 (all inside `transaction`,
 * `time_stamp`, `details`) and Coraza (`timestamp`, `is_interrupted`, messages with `data`). Missing and mistyped fields are undefined.
 */
export function parseJsonAudit(line: Line, context: RecordContext): ParseOutcome<ModsecurityEvent> {
  const record = objectOf(parseBrokenJson(line.message.trim()));
  if (record === undefined) return failed('bad_json', 'record');
  const transaction = objectOf(record.transaction);
  if (transaction === undefined) return failed('missing_field', 'transaction');
  const stamp = readStamp(transaction, context.zone);
  if (stamp === undefined) return failed('bad_time', 'transaction.time');
  const request = objectOf(record.request) ?? objectOf(transaction.request) ?? NOTHING;
  const response = objectOf(record.response) ?? objectOf(transaction.response) ?? NOTHING;
  const headers = readHeaders(request.headers);
  const status = statusOf(numberOf(response.http_code) ?? numberOf(response.status));
  const line1 = readRequest(request);
  const audit = objectOf(record.audit_data);
  const verdict = audit === undefined ? judgeMessages(record, transaction, status) : judgeAuditData(audit);
  return parsed({
    line,
    stamp,
    dataset: 'modsecurity.audit',
    action: verdict.blocked ? 'blocked' : 'detected',
    transaction: idOf(transaction),
    clientIp: addressOf(textOf(transaction.client_ip) ?? textOf(transaction.remote_address)),
    clientPort: portOf(scalarOf(transaction.client_port) ?? scalarOf(transaction.remote_port)),
    serverIp: addressOf(textOf(transaction.host_ip) ?? textOf(transaction.local_address)),
    serverPort: portOf(scalarOf(transaction.host_port) ?? scalarOf(transaction.local_port)),
    method: line1.method,
    path: line1.path,
    query: line1.query,
    status: status ?? verdict.status,
    hostname: hostName(headers.get('host')) ?? verdict.hostname,
    userAgent: headerText(headers.get('user-agent')),
    forwardedFor: forwardedFor(headers.get('x-forwarded-for')),
    user: readUser(request, headers, line1.rawQuery),
    rules: verdict.rules,
    score: verdict.score,
  });
}

/** Whether a text looks like one of the three schemas. */
export function isJsonAudit(text: string): boolean {
  return text.charCodeAt(0) === 123 && text.includes('"transaction"');
}

interface Json {
  readonly [key: string]: unknown;
}

const NOTHING: Json = {};

function objectOf(value: unknown): Json | undefined {
  return isObject(value) ? value : undefined;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const scalarOf = (value: unknown): string | undefined => (typeof value === 'number' ? String(value) : textOf(value));

function numberOf(value: unknown): number | undefined {
  const n = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof n === 'number' && Number.isFinite(n) ? n : undefined;
}

function statusOf(code: number | undefined): number | undefined {
  return code !== undefined && Number.isInteger(code) && code >= 100 && code <= 999 ? code : undefined;
}

function idOf(transaction: Json): string | undefined {
  const id = textOf(transaction.unique_id) ?? textOf(transaction.transaction_id) ?? textOf(transaction.id);
  return id === undefined ? undefined : bounded(id, 128);
}

/** v2 `time` and Coraza's epoch have a zone; v3's `time_stamp` and Coraza's `timestamp` have none. */
function readStamp(transaction: Json, zone: CivilZone): Stamp | undefined {
  const epoch = numberOf(transaction.unix_timestamp);
  if (epoch !== undefined && epoch > 0) return epochStamp(epoch);
  const text = textOf(transaction.time_stamp) ?? textOf(transaction.time) ?? textOf(transaction.timestamp);
  if (text === undefined) return undefined;
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  return clfStamp(bare, zone) ?? ctimeStamp(bare, zone) ?? isoStamp(bare, zone);
}

/** Names in lower case; v2 gives strings, Coraza arrays. Of a key that is repeated JSON keeps the last. */
function readHeaders(value: unknown): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const [name, content] of Object.entries(objectOf(value) ?? NOTHING)) {
    const first: unknown = Array.isArray(content) ? content[0] : content;
    if (typeof first === 'string' && !headers.has(name.toLowerCase())) headers.set(name.toLowerCase(), first);
  }
  return headers;
}

function readRequest(request: Json): ReturnType<typeof readRequestLine> & { readonly rawQuery: string } {
  const whole = textOf(request.request_line);
  const uri = textOf(request.uri) ?? whole?.split(' ', 3)[1] ?? '';
  const question = uri.indexOf('?');
  const rawQuery = question < 0 ? '' : uri.slice(question + 1);
  if (whole !== undefined) return { ...readRequestLine(whole), rawQuery };
  const method = textOf(request.method);
  return { ...readTarget(method === undefined ? undefined : bounded(method, 32), uri), rawQuery };
}

function readUser(request: Json, headers: ReadonlyMap<string, string>, rawQuery: string): string | undefined {
  const body = Array.isArray(request.body) ? request.body.join('') : textOf(request.body);
  return (
    (body === undefined ? undefined : userOfBody(body, headers.get('content-type'))) ??
    userOfAuthorization(headers.get('authorization')) ??
    userOfForm(rawQuery)
  );
}

/** v2: the sentences as strings, and an explicit flag. */
function judgeAuditData(audit: Json): ReturnType<typeof verdictOf> {
  const messages = Array.isArray(audit.messages) ? audit.messages : [];
  const sentences = messages.filter((text) => typeof text === 'string').map(readSentence);
  return verdictOf(sentences, objectOf(audit.action)?.intercepted === true);
}

/**
 * v3 and Coraza. Coraza says `is_interrupted`; v3 does not say whether it denied, so that is inferred (docs/formats/modsecurity.md):
 * the engine was not in detection only, the status is a refusal, and the rules name a reason for it.
 */
function judgeMessages(record: Json, transaction: Json, status: number | undefined): ReturnType<typeof verdictOf> {
  const list = Array.isArray(transaction.messages) ? transaction.messages : record.messages;
  const messages = (Array.isArray(list) ? list : []).filter(isObject);
  const engine = engineOf(transaction);
  const flag = transaction.is_interrupted;
  const read = messages.map(readMessage);
  const blocked = typeof flag === 'boolean' ? flag : engine !== 'detectiononly' && isDenied(read, status);
  return verdictOf(blocked ? markDeciding(read) : read, blocked);
}

function engineOf(transaction: Json): string {
  const producer = objectOf(transaction.producer) ?? NOTHING;
  return (textOf(producer.secrules_engine) ?? textOf(producer.rule_engine) ?? '').toLowerCase().replaceAll('_', '');
}

/** One message of v3 (`details`) or Coraza (`data`) as a sentence; Coraza's `error_message` is a whole sentence of its own. */
function readMessage(message: Json): Sentence {
  const details = objectOf(message.details) ?? objectOf(message.data) ?? NOTHING;
  const said = readSentence(textOf(message.error_message)?.replace(/^.{0,64}Coraza: /, '') ?? '');
  const text = textOf(message.message) ?? textOf(details.msg) ?? said.rule?.message ?? '';
  const match = textOf(details.match) ?? '';
  const msg = bounded(redactText(text), 1024);
  const file = textOf(details.file);
  const blocking = said.blocking || text.startsWith('Access denied') || match.startsWith('Access denied');
  const data = textOf(details.data);
  const variable = variableOf(match) ?? said.rule?.variable ?? boundedVariable(variableOfData(data));
  const own = matchOf(match, data, variable);
  const rule: WafRule = {
    id: bounded(scalarOf(details.ruleId) ?? scalarOf(details.id) ?? said.rule?.id ?? '', 32),
    message: msg,
    variable,
    pattern: own.pattern ?? said.rule?.pattern,
    matched: own.matched ?? said.rule?.matched,
    value: own.value ?? said.rule?.value,
    valueLength: own.valueLength ?? said.rule?.valueLength,
    severity: severityName(scalarOf(details.severity)),
    tags: readTagList(details.tags),
    file: file === undefined ? undefined : bounded(file, 1024),
    blocking,
  };
  return { ...said, rule, blocking, score: scoreOf(msg) ?? said.score };
}

function boundedVariable(name: string | undefined): string | undefined {
  return name === undefined ? undefined : bounded(name, 256);
}

function readTagList(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  return value
    .slice(0, 64)
    .filter((tag) => typeof tag === 'string' && tag !== '')
    .map((tag) => bounded(String(tag), 256));
}

function isDenied(messages: readonly Sentence[], status: number | undefined): boolean {
  if (messages.some((message) => message.blocking)) return true;
  if (status === undefined || status < 400) return false;
  return messages.some(isEvaluation) || (isRefusal(status) && isLocalDenial(messages.at(-1)));
}

const isEvaluation = (message: Sentence): boolean => message.rule !== undefined && isEvaluationRule(message.rule);

/** The statuses that deny rules are given; an application also answers 401, 404 or 500 by itself. */
const isRefusal = (status: number): boolean => status === 403 || status === 406;

/**
 * A rule of the site that denies by itself: it is the last one, because denying ends the transaction, it is not one of CRS (those only
 * add to the score), and it is no mere notice.
 */
function isLocalDenial(last: Sentence | undefined): boolean {
  const rule = last?.rule;
  if (rule === undefined || rule.id === '' || /^9\d{5}$/.test(rule.id) || rule.tags.includes('OWASP_CRS')) return false;
  return rule.severity === undefined || !['NOTICE', 'INFO', 'DEBUG'].includes(rule.severity);
}

/** Marks the rule that decided: the evaluation rule, else the last one, unless a rule already says it denied. */
function markDeciding(messages: readonly Sentence[]): readonly Sentence[] {
  if (messages.some((message) => message.blocking)) return messages;
  const evaluation = messages.findLastIndex(isEvaluation);
  const deciding = evaluation >= 0 ? evaluation : messages.length - 1;
  return messages.map((message, i) =>
    i === deciding && message.rule !== undefined
      ? { ...message, blocking: true, rule: { ...message.rule, blocking: true } }
      : message,
  );
}

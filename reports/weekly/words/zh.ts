import { DateTime } from 'luxon';
import { rateText, wholeNumber } from '../../wording.ts';
import type { Change, Verdict } from '../change.ts';
import { LOST_MAX_MS } from '../lost-time.ts';
import type { ErrorBudget, RootCause, WafRow, WeeklyReport } from '../weekly-report.ts';
import type { Words } from './words.ts';
import { CAUSES_ZH } from './zh-causes.ts';
import { EVIDENCE_ZH, SOURCES_ZH } from './zh-evidence.ts';

/** Keeps figures in one line of a table. */
const NO_BREAK = '\u00a0';
const WEEKDAYS = ['周一', '周二', '周三', '周四', '周五', '周六', '周日'];

const amount = (n: number): string =>
  n >= 20 || Number.isInteger(n) ? wholeNumber(n) : String(Number(n.toPrecision(2)));
const failureRate = (rate: number): string => `${Number((rate * 100).toPrecision(2))}%`;
const rate = (value: number): string => rateText(value).replace(' ', '');
const share = (value: number): string => {
  const percent = value * 100;
  if (percent > 0 && percent < 0.1) return '不到 0.1%';
  if (percent < 100 && percent > 99.9) return '超过 99.9%';
  if (percent >= 10 && percent < 99.5) return `${Math.round(percent)}%`;
  return `${Number(percent.toFixed(1))}%`;
};

function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} 毫秒`;
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} 秒`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} 秒`;
  const minutes = Math.round(ms / 60_000);
  if (minutes < 120) return `${minutes} 分钟`;
  if (minutes >= 48 * 60) return `${Math.round(minutes / 1440)} 天`;
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)} 小时${rest === 0 ? '' : ` ${rest} 分钟`}`;
}

function minutes(n: number): string {
  const whole = Math.round(n);
  if (whole < 1) return n === 0 ? '0 分钟' : '不到一分钟';
  if (whole < 120) return `${whole} 分钟`;
  return `${wholeNumber(Math.floor(whole / 60))} 小时${whole % 60 === 0 ? '' : ` ${whole % 60} 分钟`}`;
}
const date = (time: DateTime): string => `${time.month} 月 ${time.day} 日`;
const dayOf = (time: DateTime): string => `${date(time)}（${WEEKDAYS[time.weekday - 1] ?? ''}）`;
const day = (text: string): string => dayOf(DateTime.fromISO(text, { zone: 'utc' }));
const moment = (iso: string): string => {
  const time = DateTime.fromISO(iso, { setZone: true });
  return `${dayOf(time)} ${time.toFormat('HH:mm')}`;
};

const LAYERS = {
  network: '网络',
  server: '服务器',
  client: '客户端',
  security: '安全',
  unexplained: '原因不明',
} as const;
const OWNERS: ReadonlyMap<string | null, string> = new Map([
  ['network', '网络组'],
  ['operations', '运维组'],
  ['service desk', '服务台'],
  ['security', '安全组'],
  [null, '尚无人负责'],
]);
const PLACES: ReadonlyMap<string, string> = new Map([
  ['network', '网络'],
  ['server', '服务器'],
  ['rule', '规则'],
  ['timer', '定时器'],
  ['tunnel', '隧道'],
]);
const LEVELS: ReadonlyMap<string, string> = new Map([
  ['normal', '正常'],
  ['watch', '关注'],
  ['warning', '警告'],
  ['alarm', '告警'],
]);

function scope(text: string): string {
  const colon = text.indexOf(':');
  const kind = PLACES.get(text.slice(0, colon));
  return kind === undefined ? text : `${kind} ${text.slice(colon + 1)}`;
}

const owner = (name: string | null): string => OWNERS.get(name) ?? name ?? '';
const users = (c: RootCause): string => `${c.users.at_least ? '超过 ' : ''}${wholeNumber(c.users.count)} 名用户`;
const title = (c: { readonly label: RootCause['label']; readonly scope: string | null }): string =>
  `${CAUSES_ZH[c.label].title}${c.scope === null ? '' : `（${scope(c.scope)}）`}`;

function budgetShare(budget: ErrorBudget): string {
  if (budget.share === null) return '–';
  return budget.share >= 2 ? `预算的 ${amount(budget.share)} 倍` : `已用 ${share(budget.share)}`;
}

function changeSentence(change: Change, against: string): string {
  const { before, now, verdict } = change;
  if (verdict === 'too_little' || before.rate === null || now.rate === null)
    return `与${against}相比：数据太少，无法比较（两边都至少要有三天的数据）。`;
  const figures = `失败率 ${failureRate(now.rate)}，此前 ${failureRate(before.rate)}`;
  switch (verdict) {
    case 'up':
      return `与${against}相比：失败增多（${figures}），超出偶然波动。`;
    case 'down':
      return `与${against}相比：失败减少（${figures}），超出偶然波动。`;
    case 'none':
      return `与${against}相比：两边都没有失败。`;
    case 'unclear':
      return `与${against}相比：没有明确的变化（${figures}）；失败往往成批出现，偶然波动也会有这样的差别。`;
    default:
      return verdict satisfies never;
  }
}

function moved(report: WeeklyReport, verdict: Verdict, what: string): readonly string[] {
  const rows = report.causes.filter((row) => row.last_week.verdict === verdict).slice(0, 3);
  if (rows.length === 0) return [];
  const each = rows.map(
    (r) =>
      `${CAUSES_ZH[r.label].title}（${wholeNumber(r.last_week.before.failed)}${NO_BREAK}→${NO_BREAK}${wholeNumber(r.failed)}）`,
  );
  return [`${what}：${each.join('、')}。`];
}

const AGAINST = { last_week: '上周', four_weeks: '前四周', before: '此前' } as const;

export const CHINESE: Words = {
  language: 'zh',
  htmlLanguage: 'zh-CN',
  number: wholeNumber,
  amount,
  share,
  rate,
  failureRate,
  duration,
  minutes,
  day,
  chartDay: (text) => {
    const time = DateTime.fromISO(text, { zone: 'utc' });
    return `${time.month}/${time.day} ${WEEKDAYS[time.weekday - 1] ?? ''}`;
  },
  weekday: (text) => WEEKDAYS[DateTime.fromISO(text, { zone: 'utc' }).weekday - 1] ?? '',
  moment,
  week: (name) => `${name.slice(0, 4)} 年第 ${Number(name.slice(-2))} 周`,
  layers: LAYERS,
  owner,
  causeTitle: (label) => CAUSES_ZH[label].title,
  causeMeaning: (label) => CAUSES_ZH[label].meaning,
  scope,
  evidence: (name, text) => EVIDENCE_ZH.get(name) ?? text,
  remedy: (label) => CAUSES_ZH[label].remedy,
  missing: (missing) => SOURCES_ZH.get(missing.source) ?? missing,
  level: (level) => LEVELS.get(level) ?? level,
  change: (c, weeks = 1) => {
    if (c.verdict === 'too_little') return '数据太少';
    if (c.verdict === 'none') return '两边都没有';
    const figures = `${amount(c.before.failed / weeks)}${NO_BREAK}→${NO_BREAK}${wholeNumber(c.now.failed)}`;
    const sign = c.verdict === 'up' ? '▲ 增多' : c.verdict === 'down' ? '▼ 减少' : '无明显变化';
    return `${sign}（${figures}）`;
  },
  status: (c) => {
    const over = c.over_since === null ? '' : `${moment(c.over_since)}之后没有再出现。`;
    switch (c.status) {
      case 'new':
        return `新出现：前四周没有。${over}`;
      case 'recurring':
        return `仍在发生：上周失败 ${wholeNumber(c.failed_last_week)} 次。${over}`;
      case 'returned':
        return `再次出现：前四周有过，上周没有。${over}`;
      case 'first_report':
        return `没有更早的数据可比。${over}`;
      default:
        return c.status satisfies never;
    }
  },
  titles: {
    report: 'IMAP 连接失败原因周报',
    gaps: '本报告看不到的部分',
    figures: '服务概况',
    beforeAfter: '前后对比',
    changes: '有何变化',
    top: '损失最大的五个根因',
    gone: '上周以来消失的问题',
    causes: '按层次和责任方看原因',
    waf: 'WAF 误报',
    predictions: '预测与结果',
    sources: '日志来源',
    reading: '如何阅读本报告',
  },
  columns: {
    week: '周',
    attempts: '尝试',
    failed: '失败',
    failureRate: '失败率',
    interval: '95% 区间',
    objective: '允许',
    day: '日期',
    cause: '原因',
    layer: '层次',
    owner: '责任方',
    share: '占失败的比例',
    lost: '损失时长',
    users: '用户',
    lastWeek: '与上周相比',
    fourWeeks: '与前四周相比',
    rule: '规则',
    path: '路径',
    target: '命中的变量',
    blocked: '拦截次数',
    sessions: '损失会话',
    probability: '误报概率',
    decision: '裁定',
    said: '预测风险',
    happened: '实际失败',
    source: '来源',
    lines: '行数',
    from: '起',
    to: '止',
    hours: '有记录的小时数',
    silent: '静默时段',
    enable: '如何启用',
    before: '之前',
    after: '之后',
    change: '变化',
  },
  period: ({ week }) => {
    const start = DateTime.fromISO(week.start, { setZone: true });
    const end = DateTime.fromISO(week.end, { setZone: true }).minus({ milliseconds: 1 });
    const odd = week.hours === 168 ? '' : `，因调整时钟共 ${week.hours} 小时`;
    return `${start.year} 年 ${date(start)}至 ${date(end)}，时区 ${week.zone}${odd}`;
  },
  engine: (engine) => `由 imapwhy ${engine} 判定。`,
  hiddenNames: '用户和地址已换成只有本站能够对应的代号，日志原文不予列出。',
  footer: '由 imapwhy 根据日志文件生成。本页内容完整，不加载也不发送任何数据。',
  headline: (a) => {
    if (a.rate === null) return '本周没有看到正常用户的连接尝试。';
    if (a.failed === 0) return `本周一切正常：${wholeNumber(a.attempts)} 次尝试全部成功。`;
    const text = `${wholeNumber(a.attempts)} 次尝试中有 ${rate(a.rate)} 成功`;
    return a.rate >= a.budget.objective
      ? `${text}，达到 ${rate(a.budget.objective)} 的目标。`
      : `${text}，未达到 ${rate(a.budget.objective)} 的目标。`;
  },
  summary: (r) => {
    const { availability: a, top } = r;
    if (a.rate === null || a.failed === 0) return [];
    const [first] = top;
    return [
      ...(first === undefined
        ? []
        : [
            `损失最大的原因：${title(first)}。共失败 ${wholeNumber(first.failed)} 次，${users(first)}损失 ${minutes(first.lost_minutes)}，由${owner(first.owner)}处理。`,
          ]),
      changeSentence(r.changes.last_week, AGAINST.last_week),
      ...moved(r, 'up', '比上周增多，超出偶然波动'),
      ...moved(r, 'down', '比上周减少，超出偶然波动'),
      ...(a.unexplained > 0
        ? [`有 ${wholeNumber(a.unexplained)} 次失败（${share(a.unexplained / a.failed)}）原因不明。`]
        : []),
    ];
  },
  outside: ({ outside }) => {
    const parts = [
      ...(outside.attacks > 0 ? [`攻击和扫描 ${wholeNumber(outside.attacks)} 次`] : []),
      ...(outside.wrong_passwords > 0 ? [`密码错误 ${wholeNumber(outside.wrong_passwords)} 次`] : []),
      ...(outside.undetermined > 0 ? [`结果不明 ${wholeNumber(outside.undetermined)} 次`] : []),
      ...(outside.health_checks > 0 ? [`健康检查 ${wholeNumber(outside.health_checks)} 次`] : []),
      ...(outside.known_scanners > 0 ? [`已知扫描器 ${wholeNumber(outside.known_scanners)} 次`] : []),
    ];
    return parts.length === 0 ? null : `另计（与服务质量无关）：${parts.join('，')}。`;
  },
  gaps: (g, hours) => {
    if (g.data_start === null || g.data_end === null) return ['存储中没有本周的数据。'];
    const range = `${moment(g.data_start)} 至 ${moment(g.data_end)}`;
    return [
      ...(g.hours_covered < hours - 1
        ? [`数据只覆盖本周 ${hours} 小时中的 ${g.hours_covered} 小时（${range}），以下数字都只针对这部分。`]
        : []),
      ...g.silent.map((s) => `${moment(s.from)} 至 ${moment(s.to)}（${s.hours} 小时）没有任何记录。`),
      ...(g.coverage_known
        ? []
        : ['这个存储没有记录各日志覆盖了哪些小时，静默时段只能从连接尝试推断；重新分析日志即可得到。']),
      ...g.missing
        .slice(0, 3)
        .map(
          (m) =>
            `有 ${wholeNumber(m.sessions)} 次失败缺少可以说明原因的来源：${SOURCES_ZH.get(m.source)?.source ?? m.source}。`,
        ),
      ...(g.incomplete > 0 ? [`有 ${wholeNumber(g.incomplete)} 个会话只凭部分日志判定。`] : []),
      ...(g.unparsed > 0 ? [`${wholeNumber(g.lines)} 行日志中有 ${wholeNumber(g.unparsed)} 行无法识别。`] : []),
    ];
  },
  noGaps: '没有缺失：所有已知来源整周都有记录。',
  silence: (s) => `${moment(s.from)} 至 ${moment(s.to)}（${s.hours} 小时）`,
  silent: (s) =>
    `其他来源有记录时，${s.source} 在 ${s.silent.map((x) => `${moment(x.from)} 至 ${moment(x.to)}（${x.hours} 小时）`).join('、')}没有任何记录。`,
  vanished: (s) => `${s.source} 前几周有记录，本周完全没有。`,
  cards: {
    availability: '可用率',
    budget: '本周错误预算',
    fourWeeks: '四周错误预算',
    lost: '损失的会话时长',
    setup: '平均建立会话时间',
    tls: 'TLS 握手',
    notMeasurable: '无法测量',
    availabilityNote: (a) =>
      `${wholeNumber(a.attempts)} 次尝试中失败 ${wholeNumber(a.failed)} 次；目标 ${rate(a.budget.objective)}。${
        a.interval === null ? '' : `95% 区间为 ${rate(a.interval.low)} 至 ${rate(a.interval.high)}。`
      }`,
    budgetValue: (b) => budgetShare(b),
    budgetNote: (b) =>
      `失败 ${wholeNumber(b.used)} 次，允许 ${amount(b.allowed)} 次。${
        b.attempts > 0 && b.allowed < 1 ? '尝试次数这么少，失败一次就会超出目标。' : ''
      }`,
    fourWeeksNote: (b, weeks) =>
      `截至本周有数据的 ${weeks} 周内失败 ${wholeNumber(b.used)} 次，允许 ${amount(b.allowed)} 次。`,
    lostNote: (a) =>
      a.failed === 0 ? '没有人需要等待。' : `从尝试失败算到同一用户再次尝试，每次最多计 ${LOST_MAX_MS / 60_000} 分钟。`,
    setupLimits: '不超过 4.2 秒为正常，超过 5.5 秒警告，超过 8 秒告警',
    tlsLimits: '不超过 1.8 秒为正常，超过 2.5 秒警告，超过 4 秒告警',
    measured: (n, p95) => `${p95 === null ? '' : `95% 在 ${duration(p95)}以内；`}共测得 ${wholeNumber(n)} 个会话。`,
    setupAbsent: '本周的日志看不出登录从何时开始、何时结束。',
    tlsAbsent: '时间戳只精确到秒，无法测量。',
  },
  changeSentence: (change, against) => changeSentence(change, AGAINST[against]),
  changesNote: '失败往往成批出现，所以以一天为一个观测值；只有偶然波动在二十份这样的报告中出现不到一次时，才称为变化。',
  weeksChart: {
    title: '各周失败率',
    unit: (allowed) => `占尝试的百分比；竖线为 95% 区间，虚线为目标所允许的 ${failureRate(allowed)}`,
  },
  daysChart: { title: '每日失败次数（按层次）', unit: '单位：次；– 表示当天没有任何尝试' },
  causesCaption: '本周和上周的原因：失败次数，以及变化是否超出偶然波动',
  causesNone: '没有正常用户的尝试失败。',
  layersCaption: '按层次',
  ownersCaption: '按责任方',
  weeksCaption: '参与比较的各周',
  topNone: '本周没有任何原因造成损失。',
  topSentence: (c) =>
    `${CAUSES_ZH[c.label].meaning}共有 ${wholeNumber(c.networks.count)} 个网络的${users(c)}失败 ${wholeNumber(c.failed)} 次。${
      c.mostly === null ? '' : `其中 ${wholeNumber(c.mostly.failed)} 次来自同一用户 ${c.mostly.user}。`
    }`,
  topFacts: {
    cost: '损失',
    why: '依据',
    todo: '怎么办',
    status: '与上次报告相比',
    owner: '责任方',
    when: '时间',
    look: '查看一例',
  },
  cost: (c) =>
    `会话时长 ${minutes(c.lost_minutes)}，失败 ${wholeNumber(c.failed)} 次（占全部失败的 ${share(c.share)}）`,
  when: (c) =>
    `${moment(c.first)} 至 ${moment(c.last)}，涉及 ${c.days} 天${c.incidents > 0 ? `，${wholeNumber(c.incidents)} 起事件` : ''}；平均把握 ${share(c.probability)}`,
  documentation: '文档',
  gone: (c) =>
    c.fixed
      ? `已解决：${title(c)}。上周失败 ${wholeNumber(c.failed_last_week)} 次，本周没有，不太可能是巧合。`
      : `没有再出现：${title(c)}。上周失败 ${wholeNumber(c.failed_last_week)} 次；涉及天数太少，还不能说已解决。`,
  wafNone: (basis) => (basis === 'review' ? '没有正常用户的请求被误拦。' : '没有会话因 Web 应用防火墙而损失。'),
  wafSentence: (open, decided, basis) =>
    basis === 'review'
      ? `待定 ${wholeNumber(open)} 组规则与路径，已裁定 ${wholeNumber(decided)} 组。裁定命令：imapwhy waf review。`
      : `有 ${wholeNumber(open)} 组规则与路径造成会话损失，尚未审核：imapwhy waf review。`,
  wafForEveryone: (row) =>
    `规则 ${row.rule}${row.path === null ? '' : ` 在 ${row.path}`} 误伤所有人：启用之前有 ${wholeNumber(row.wrong_for_everyone?.logins_before ?? 0)} 次登录，启用之后同样长的时间里只有 ${wholeNumber(row.wrong_for_everyone?.logins_after ?? 0)} 次。`,
  wafOpen: '待定：很可能错在规则，而不在用户',
  wafDecided: '已裁定',
  decision: (row: WafRow) => {
    const { decision: d } = row;
    if (d === null) return '待定';
    const verdict = { false_positive: '误报', attack: '真实攻击', unsure: '不确定' }[d.verdict];
    const until = d.expires === null ? '' : `，${d.expired ? '已过期：' : '有效至 '}${d.expires.slice(0, 10)}`;
    return `${verdict}，${d.by}，${d.at.slice(0, 10)}${until}`;
  },
  noPredictions: '没有使用预测模型：先用 imapwhy train 训练，再在分析时加上 --model。',
  predictions: (p) => [
    `${wholeNumber(p.attempts)} 次尝试在开始之前都给出了风险，合计预期失败 ${amount(p.expected)} 次，实际失败 ${wholeNumber(p.failed)} 次。`,
    p.warned === 0
      ? '没有一次尝试被判断为“失败的可能大于成功”。'
      : `有 ${wholeNumber(p.warned)} 次尝试被判断为“失败的可能大于成功”，其中 ${wholeNumber(p.warned_failed)} 次确实失败（${share(p.warned_failed / p.warned)}）；另有 ${wholeNumber(p.failed - p.warned_failed)} 次失败没有这样的预警。`,
    p.brier < p.brier_of_rate
      ? `这些风险比只报本周失败率更有用（Brier 分数 ${p.brier.toFixed(4)}，只报失败率为 ${p.brier_of_rate.toFixed(4)}）。`
      : `这些风险并不比只报本周失败率更有用（Brier 分数 ${p.brier.toFixed(4)}，只报失败率为 ${p.brier_of_rate.toFixed(4)}）。`,
    ...(p.without_basis > 0
      ? [`有 ${wholeNumber(p.without_basis)} 次尝试开始时还一无所知，只给了基准率，不计入以上数字。`]
      : []),
  ],
  calibration: {
    title: '预测与实际',
    x: '预测风险（%）',
    y: '实际失败（%）',
    caption: '落在虚线上表示预测与实际一致；点越大，尝试越多',
  },
  beforeAfter: (b) => [
    `${moment(b.moment)}之前的 ${duration(b.hours * 3_600_000)}，与之后同样长的时间对比。`,
    changeSentence(b.change, '此前'),
    ...(b.same_time_of_day ? [] : ['两边不是一天中的同一时段，这本身就可能造成差异。']),
  ],
  beforeAfterCaption: '前后的失败次数，以及变化是否超出偶然波动',
  sourcesNone: '这个存储没有记录读过哪些来源。',
  sourcesCaption: (more) => `本周的来源${more > 0 ? `（另有 ${wholeNumber(more)} 个未列出）` : ''}`,
  missingCaption: '失败的尝试缺少的来源',
  reading: [
    '一次尝试是一个客户端使用 IMAP 的一次努力。可用率只计结果已知的正常用户的尝试；攻击、扫描、健康检查和密码错误不算在内，找不到原因的失败算在内，并注明原因不明。',
    `损失的会话时长从尝试卡住的时刻算到同一用户再次尝试，最多 ${LOST_MAX_MS / 60_000} 分钟，任何一分钟都不重复计算。没有报出用户名的，按地址计数。`,
    '错误预算是目标允许的失败次数：目标为 99.95% 时，一万次尝试允许失败五次。',
    '只有超出偶然波动的变化才称为变化；以一天为一个观测值，因为一次事件会让几百次尝试同时失败。尚未结束的一周只与其他各周的同样几天比较。',
  ],
  figuresOfChart: '本图的数字',
};
